import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../../src/base/brand.ts';
import { ClawError } from '../../../src/base/error.ts';
import { runTool, type ToolOptions } from '../node/run-tool.ts';
import { IMAGE_TIME } from './image-store.ts';

const zDescriptor = z.looseObject({
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  size: z.number(),
  annotations: z.record(z.string(), z.string()).optional(),
});
type Descriptor = z.infer<typeof zDescriptor>;
const zIndex = z.looseObject({ manifests: z.array(zDescriptor) });
const zManifest = z.looseObject({ config: zDescriptor, layers: z.array(zDescriptor) });

const NAME_IN_LAYOUT = 'org.opencontainers.image.ref.name';
const NAME_FOR_CONTAINERD = 'io.containerd.image.name';
const LAYOUT_FILE = 'oci-layout';
const TAR_SECONDS = 600;

/** A file of a layout; `digest` as `sha256:…`. */
export interface Blob {
  readonly digest: string;
  readonly bytes: number;
}

/** An image in a layout: its manifest, and what that names. */
export interface LayoutImage extends Blob {
  readonly config: Blob;
  /** Not compressed; the lowest first. */
  readonly layers: readonly Blob[];
}

/** The image of this name; undefined where there is none. */
export async function findImage(layout: string, name: string): Promise<LayoutImage | undefined> {
  const found = (await readIndex(layout)).find((entry) => nameOf(entry) === name);
  if (found === undefined) return undefined;
  const { config, layers } = await readManifest(layout, found);
  return { ...blob(found), config: blob(config), layers: layers.map(blob) };
}

function blob({ digest, size }: Descriptor): Blob {
  return { digest, bytes: size };
}

/**
 * Writes one tar with these images of a layout, each layer once, in the form that `ctr images import`,
 * `docker load` and `kind load image-archive` read. `references`: name in the layout to the full name.
 * Without layers it is for a containerd that has them.
 */
export async function writeArchive(
  layout: string,
  references: ReadonlyMap<string, string>,
  output: string,
  tools: ToolOptions,
  include: 'all' | 'no layers' = 'all',
): Promise<void> {
  const entries = (await readIndex(layout)).filter((entry) => references.has(nameOf(entry)));
  if (entries.length !== references.size) {
    throw new ClawError('NotFound', `${layout} lacks one of ${[...references.keys()].join(', ')}`);
  }
  const blobs = await blobsOf(layout, entries, include === 'all');
  await mkdir(dirname(output), { recursive: true });
  const scratch = await mkdtemp(join(dirname(output), `.${basename(output)}-`));
  try {
    const manifests = entries.map((entry) => ({
      ...entry,
      annotations: { [NAME_FOR_CONTAINERD]: references.get(nameOf(entry)) ?? '' },
    }));
    await writeFile(join(scratch, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
    await writeFile(join(scratch, 'blobs.txt'), blobs.map((blob) => `${blob}\n`).join(''));
    const tar = join(scratch, 'archive.tar');
    const sameAlways = ['--format=ustar', '--owner=0', '--group=0', `--mtime=@${IMAGE_TIME}`];
    const parts = ['-C', layout, LAYOUT_FILE, '-T', join(scratch, 'blobs.txt')];
    await runTool(['tar', ...sameAlways, '-cf', tar, '-C', scratch, 'index.json', ...parts], {
      ...tools,
      timeoutSeconds: TAR_SECONDS,
    });
    await rename(tar, output);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Removes what no image of the layout refers to any more. */
export async function sweepLayout(layout: string): Promise<void> {
  const kept = new Set(await blobsOf(layout, await readIndex(layout)));
  const folder = join('blobs', 'sha256');
  for (const name of await readdir(join(layout, folder))) {
    if (!kept.has(join(folder, name))) await rm(join(layout, folder, name), { force: true });
  }
}

/** Paths of everything these images are made of, each once, in the order of their use. */
async function blobsOf(
  layout: string,
  entries: readonly Descriptor[],
  withLayers = true,
): Promise<readonly string[]> {
  const paths = new Set<string>();
  for (const entry of entries) {
    const { config, layers } = await readManifest(layout, entry);
    for (const { digest } of [entry, config, ...(withLayers ? layers : [])])
      paths.add(blobPath(digest));
  }
  return [...paths];
}

async function readIndex(layout: string): Promise<readonly Descriptor[]> {
  const text = await readFile(join(layout, 'index.json'), 'utf8').catch(() => undefined);
  return text === undefined ? [] : zIndex.parse(parseJson(text)).manifests;
}

async function readManifest(layout: string, { digest }: Descriptor) {
  return zManifest.parse(parseJson(await readFile(join(layout, blobPath(digest)), 'utf8')));
}

function nameOf({ annotations = {} }: Descriptor): string {
  return annotations[NAME_IN_LAYOUT] ?? '';
}

/** Path of a blob below its layout. */
export function blobPath(digest: string): string {
  return join('blobs', ...digest.split(':'));
}

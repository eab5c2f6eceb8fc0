import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../../src/base/brand.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { sha256 } from '../../../src/base/digest.ts';
import { ClawError } from '../../../src/base/error.ts';
import { withFileLock } from '../file-lock.ts';
import { ensureContainerTools } from './container-tools.ts';
import type { ImageHost } from './image-host.ts';
import { type ImageName, imageReference } from './image-names.ts';
import { ImageStore } from './image-store.ts';
import { findImage, type LayoutImage, sweepLayout, writeArchive } from './oci-layout.ts';
import { copyInputs, inputsDigest } from './recipe-inputs.ts';
import { DEBIAN_LAYOUT, ensureStandIns, type StandInSources, standInSources } from './stand-ins.ts';

/** An image of ours that was built from the files of this checkout. */
export interface BuiltImage extends LayoutImage {
  readonly name: ImageName;
  /** Full name as pods give it. */
  readonly reference: string;
}

/** Raise it when images are made of the same inputs in another way. */
const BUILD_VERSION = '1';
const ROOT = join(import.meta.dirname, '..', '..', '..');
const RECIPE = 'deploy/images/Dockerfile';
const CONTEXT = 'context-';
const LOCK_SECONDS = 2_400;
/** A wait this long is worth a line. */
const QUIET_MS = 3_000;

/** Built images by name, and the inputs that they were built from: `built.json` beside the layout. */
const zBuilt = z.record(z.string(), z.object({ inputs: z.string(), digest: z.string() }));

/** Where the layers of images are kept unpacked. */
export function layersFolder(host: Pick<ImageHost, 'cacheDir'>): string {
  return join(imagesFolder(host), 'layers');
}

/** Folder below the cache that holds everything of the image build. */
function imagesFolder({ cacheDir }: Pick<ImageHost, 'cacheDir'>): string {
  return join(cacheDir, 'images');
}

/**
 * Builds what is missing or made of other files than the present ones, then calls `use` with the
 * images and the OCI layout that holds them; nobody changes it until `use` is over.
 */
export async function withImages<T>(
  names: readonly ImageName[],
  host: ImageHost,
  use: (images: readonly BuiltImage[], layout: string) => Promise<T>,
): Promise<T> {
  await ensureContainerTools(host);
  const sources = await standInSources(host);
  const folder = imagesFolder(host);
  const layout = join(folder, 'layout');
  await mkdir(layout, { recursive: true });
  const waiting = setTimeout(
    () => host.logger.info({}, 'another process builds images; waiting for it'),
    QUIET_MS,
  );
  return await withFileLock(join(folder, 'lock'), LOCK_SECONDS, async () => {
    clearTimeout(waiting);
    await refresh(names, sources, folder, host);
    const images = [];
    for (const name of names) images.push(await builtImage(name, layout));
    return await use(images, layout);
  }).finally(() => clearTimeout(waiting));
}

/** Writes one tar with these images, each layer once. */
export async function writeImages(
  names: readonly ImageName[],
  output: string,
  host: ImageHost,
): Promise<readonly BuiltImage[]> {
  return await withImages(names, host, async (images, layout) => {
    const references = new Map(images.map(({ name, reference }) => [name, reference]));
    await writeArchive(layout, references, output, host);
    return images;
  });
}

/** The images that were built last, of whatever inputs, without building anything. */
export async function imageStatus(
  names: readonly ImageName[],
  host: Pick<ImageHost, 'cacheDir'>,
): Promise<readonly { readonly name: ImageName; readonly image: LayoutImage | undefined }[]> {
  const layout = join(imagesFolder(host), 'layout');
  const found = [];
  for (const name of names) found.push({ name, image: await findImage(layout, name) });
  return found;
}

async function refresh(
  names: readonly ImageName[],
  sources: StandInSources,
  folder: string,
  host: ImageHost,
): Promise<void> {
  await removeScratch(folder);
  const context = await mkdtemp(join(folder, CONTEXT));
  try {
    await copyInputs(ROOT, context);
    const parts = [BUILD_VERSION, sources.key, await inputsDigest(context)];
    const inputs = sha256(parts.join('\n'));
    const stale: ImageName[] = [];
    for (const name of names) if (!(await isBuilt(name, inputs, folder))) stale.push(name);
    if (stale.length > 0) await buildAll(stale, { sources, folder, context, inputs }, host);
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

/** What a killed build left behind. */
async function removeScratch(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const left = name.startsWith(CONTEXT) || name.startsWith(DEBIAN_LAYOUT);
    if (left) await rm(join(folder, name), { recursive: true, force: true });
  }
}

interface Build {
  readonly sources: StandInSources;
  readonly folder: string;
  readonly context: string;
  /** Digest over everything that decides what the images hold. */
  readonly inputs: string;
}

async function buildAll(
  names: readonly ImageName[],
  { sources, folder, context, inputs }: Build,
  host: ImageHost,
): Promise<void> {
  const layout = join(folder, 'layout');
  const store = await ImageStore.open(join(folder, 'build'), host);
  const { debian, node } = await ensureStandIns(store, sources, folder, host);
  const args = { DEBIAN: debian, NODE: node };
  const recipe = join(context, RECIPE);
  const ignoreFile = `${recipe}.dockerignore`;
  for (const name of names) {
    const began = systemClock.monotonic();
    const tag = imageReference(name);
    await store.build({ recipe, ignoreFile, context, tag, target: name, args });
    await store.save(tag, layout, name);
    await recordBuilt(name, inputs, folder);
    const seconds = Math.round((systemClock.monotonic() - began) / 100) / 10;
    host.logger.info({ seconds }, `image ${name} is built`);
  }
  await sweepLayout(layout);
}

async function builtImage(name: ImageName, layout: string): Promise<BuiltImage> {
  const image = await findImage(layout, name);
  if (image !== undefined) return { ...image, name, reference: imageReference(name) };
  throw new ClawError('Internal', `no image ${name} in ${layout} after its build`);
}

async function isBuilt(name: ImageName, inputs: string, folder: string): Promise<boolean> {
  const built = (await readBuilt(folder))[name];
  const image = await findImage(join(folder, 'layout'), name);
  return built?.inputs === inputs && built.digest === image?.digest;
}

async function recordBuilt(name: ImageName, inputs: string, folder: string): Promise<void> {
  const { digest } = await builtImage(name, join(folder, 'layout'));
  const all = { ...(await readBuilt(folder)), [name]: { inputs, digest } };
  const path = join(folder, 'built.json');
  await writeFile(`${path}.new`, JSON.stringify(all));
  await rename(`${path}.new`, path);
}

async function readBuilt(folder: string): Promise<z.infer<typeof zBuilt>> {
  const text = await readFile(join(folder, 'built.json'), 'utf8').catch(() => '{}');
  return zBuilt.parse(parseJson(text));
}

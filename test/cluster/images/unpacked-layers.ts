import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { runTool } from '../node/run-tool.ts';
import type { ImageHost } from './image-host.ts';
import { type Blob, blobPath, type LayoutImage } from './oci-layout.ts';

const TAR_SECONDS = 600;
const KEEP_MS = 24 * 3600 * 1000;
/** A file of this prefix in a layer says that the layer removes the file named after it. */
const REMOVED = '.wh.';
const UNPACKING = 'unpacking-';

/** Folder of a layer's files in `folder`, in the form that overlay mounts take. */
export function layerFiles(folder: string, { digest }: Blob): string {
  return join(folder, digest.replace('sha256:', ''), 'fs');
}

/**
 * Unpacks the layers of these images that are not unpacked yet. Nodes of running clusters use the
 * folders as they are, so one that was asked for within a day stays. One process at a time.
 */
export async function unpackLayers(
  images: readonly LayoutImage[],
  layout: string,
  folder: string,
  host: ImageHost,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const layer of images.flatMap(({ layers }) => layers)) {
    const files = layerFiles(folder, layer);
    if (!existsSync(files)) await unpack(join(layout, blobPath(layer.digest)), files, host);
    await writeFile(usedMark(dirname(files)), '');
  }
  await sweep(folder);
}

async function unpack(tar: string, files: string, host: ImageHost): Promise<void> {
  const aside = await mkdtemp(join(dirname(dirname(files)), UNPACKING));
  const inside = join(aside, 'fs');
  await mkdir(inside, { mode: 0o755 });
  const flags = ['--numeric-owner', '--preserve-permissions', '--xattrs', '--xattrs-include=*'];
  const tools = { ...host, timeoutSeconds: TAR_SECONDS };
  await runTool(['tar', '-x', ...flags, '-f', tar, '-C', inside], tools);
  await markRemoved(inside, host);
  await rename(aside, dirname(files));
}

/** Overlay mounts know a removed file by a device file in its place. */
async function markRemoved(inside: string, host: ImageHost): Promise<void> {
  for (const entry of await readdir(inside, { recursive: true, withFileTypes: true })) {
    if (!entry.name.startsWith(REMOVED)) continue;
    const name = entry.name.slice(REMOVED.length);
    await rm(join(entry.parentPath, entry.name));
    if (name === `${REMOVED}.opq`) {
      const opaque = ['-n', 'trusted.overlay.opaque', '-v', 'y', entry.parentPath];
      await runTool(['setfattr', ...opaque], host);
    } else {
      await runTool(['mknod', join(entry.parentPath, name), 'c', '0', '0'], host);
    }
  }
}

async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const used = await stat(usedMark(path)).catch(() => undefined);
    const kept = used !== undefined && Date.now() - used.mtimeMs < KEEP_MS;
    if (!kept) await rm(path, { recursive: true, force: true });
  }
}

function usedMark(layerFolder: string): string {
  return join(dirname(layerFolder), basename(layerFolder), 'used');
}

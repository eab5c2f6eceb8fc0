import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { silentLogger } from '../../src/base/logger.ts';
import { clusterEnvironment } from '../cluster/cluster-environment.ts';
import type { LayoutImage } from '../cluster/images/oci-layout.ts';
import { layerFiles, unpackLayers } from '../cluster/images/unpacked-layers.ts';
import { tempDir } from '../support/temp-dir.ts';

const host = {
  ...clusterEnvironment(),
  logger: silentLogger,
  signal: new AbortController().signal,
};
const NOTHING = { digest: 'sha256:0', bytes: 0 };

/** An image of one layer: a tar of these files, in a layout. */
async function imageOf(layout: string, files: readonly string[]): Promise<LayoutImage> {
  const source = join(layout, 'source');
  for (const file of files) {
    await mkdir(join(source, file, '..'), { recursive: true });
    await writeFile(join(source, file), file);
  }
  const tar = join(layout, 'layer.tar');
  execFileSync('tar', ['-cf', tar, '-C', source, '.']);
  const content = await readFile(tar);
  const hex = createHash('sha256').update(content).digest('hex');
  await mkdir(join(layout, 'blobs/sha256'), { recursive: true });
  await rename(tar, join(layout, 'blobs/sha256', hex));
  const layer = { digest: `sha256:${hex}`, bytes: content.length };
  return { ...NOTHING, config: NOTHING, layers: [layer] };
}

test('a layer is unpacked in the form that overlay mounts take', async () => {
  await using folder = await tempDir();
  const layout = join(folder.path, 'layout');
  const image = await imageOf(layout, ['etc/kept', 'etc/.wh.gone', 'var/new/.wh..wh..opq']);
  await unpackLayers([image], layout, join(folder.path, 'layers'), host);
  const [layer = NOTHING] = image.layers;
  const files = layerFiles(join(folder.path, 'layers'), layer);
  expect(await readFile(join(files, 'etc/kept'), 'utf8')).toBe('etc/kept');
  expect((await readdir(join(files, 'etc'))).toSorted()).toEqual(['gone', 'kept']);
  const gone = lstatSync(join(files, 'etc/gone'));
  expect([gone.isCharacterDevice(), gone.rdev]).toEqual([true, 0]);

  const [below, over] = [join(folder.path, 'below'), join(folder.path, 'over')];
  for (const path of ['etc/gone', 'etc/old', 'var/new/hidden']) {
    await mkdir(join(below, path, '..'), { recursive: true });
    await writeFile(join(below, path), '');
  }
  await mkdir(over);
  const mount = `mount -t overlay overlay -o lowerdir=${files}:${below} ${over} && cd ${over} && find . -type f`;
  const seen = execFileSync('unshare', ['--mount', 'sh', '-c', mount], { encoding: 'utf8' });
  expect(seen.trim().split('\n').toSorted()).toEqual(['./etc/kept', './etc/old']);
});

test('layers that nobody asked for in a day are removed, and half-unpacked ones', async () => {
  await using folder = await tempDir();
  const layout = join(folder.path, 'layout');
  const layers = join(folder.path, 'layers');
  const [image] = [await imageOf(layout, ['a'])];
  await unpackLayers([image], layout, layers, host);
  const other = await imageOf(layout, ['b']);
  await unpackLayers([other], layout, layers, host);
  await mkdir(join(layers, 'unpacking-x/fs'), { recursive: true });
  const used = join(layerFiles(layers, image.layers[0] ?? NOTHING), '../used');
  const dayAgo = (await stat(used)).mtimeMs / 1000 - 86_500;
  await utimes(used, dayAgo, dayAgo);
  await unpackLayers([other], layout, layers, host);
  expect(existsSync(used)).toBe(false);
  expect(await readdir(layers)).toEqual([other.layers[0]?.digest.replace('sha256:', '')]);
});

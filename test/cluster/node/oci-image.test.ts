import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { extract } from 'tar-stream';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { tempDir } from '../../support/temp-dir.ts';
import { type ImageOptions, writeOciImage } from './oci-image.ts';

interface Entry {
  readonly bytes: Buffer;
  readonly mode: number;
  readonly type: string;
  readonly target: string;
}

async function readTar(bytes: Buffer): Promise<ReadonlyMap<string, Entry>> {
  const entries = new Map<string, Entry>();
  for await (const entry of Readable.from([bytes]).pipe(extract())) {
    const { name, mode, type, linkname } = entry.header;
    entries.set(name, { bytes: await buffer(entry), mode, type, target: linkname ?? '' });
  }
  return entries;
}

async function writtenImage(folder: string): Promise<ReadonlyMap<string, Entry>> {
  const program = join(folder, 'program');
  await writeFile(program, 'machine code');
  const options: ImageOptions = {
    name: 'localhost/thing:1',
    entrypoint: ['/bin/program'],
    user: '7:7',
    entries: [
      { kind: 'folder', path: 'bin' },
      { kind: 'folder', path: 'tmp', mode: 0o1777 },
      { kind: 'file', path: 'bin/program', source: program },
      { kind: 'link', path: 'bin/alias', target: 'program' },
      { kind: 'text', path: 'etc/passwd', text: 'root' },
    ],
  };
  const output = join(folder, 'image.tar');
  await writeOciImage(output, options);
  return await readTar(await readFile(output));
}

const zIndex = z.object({
  manifests: z.tuple([
    z.object({ digest: z.string(), annotations: z.record(z.string(), z.string()) }),
  ]),
});
const zManifest = z.object({
  config: z.object({ digest: z.string() }),
  layers: z.tuple([z.object({ digest: z.string() })]),
});
const zConfig = z.object({
  config: z.object({ Entrypoint: z.array(z.string()), User: z.string() }),
  rootfs: z.object({ diff_ids: z.array(z.string()) }),
});

const blob = (layout: ReadonlyMap<string, Entry>, digest: string): Buffer => {
  const found = layout.get(`blobs/${digest.replace(':', '/')}`)?.bytes ?? Buffer.alloc(0);
  expect(`sha256:${createHash('sha256').update(found).digest('hex')}`).toBe(digest);
  return found;
};

test('index, manifest, configuration and layer name each other by their digests', async () => {
  await using folder = await tempDir();
  const layout = await writtenImage(folder.path);
  expect(layout.get('oci-layout')?.bytes.toString()).toBe('{"imageLayoutVersion":"1.0.0"}');
  const index = zIndex.parse(JSON.parse(layout.get('index.json')?.bytes.toString() ?? ''));
  const [{ digest, annotations }] = index.manifests;
  expect(annotations).toEqual({ 'io.containerd.image.name': 'localhost/thing:1' });
  const { config, layers } = zManifest.parse(JSON.parse(blob(layout, digest).toString()));
  const image = zConfig.parse(JSON.parse(blob(layout, config.digest).toString()));
  expect(image.config).toEqual({ Entrypoint: ['/bin/program'], User: '7:7' });
  expect(image.rootfs.diff_ids).toEqual([layers[0].digest]);
  const layer = await readTar(blob(layout, layers[0].digest));
  expect(
    [...layer].map(([path, { mode, type, target }]) => [path, type, mode.toString(8), target]),
  ).toEqual([
    ['bin', 'directory', '755', ''],
    ['tmp', 'directory', '1777', ''],
    ['bin/program', 'file', '755', ''],
    ['bin/alias', 'symlink', expect.any(String), 'program'],
    ['etc/passwd', 'file', '644', ''],
  ]);
  expect(layer.get('bin/program')?.bytes.toString()).toBe('machine code');
});

test('equal inputs give an equal image', async () => {
  await using one = await tempDir();
  await using two = await tempDir();
  expect(await writtenImage(one.path)).toEqual(await writtenImage(two.path));
});

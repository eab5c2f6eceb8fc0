import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { extract } from 'tar-stream';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { sha256 } from '../../../src/base/digest.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { findImage, sweepLayout, writeArchive } from './oci-layout.ts';

const tools = { env: process.env, signal: new AbortController().signal };

/** A layout with images of these layers, and one blob that belongs to none. */
async function layoutOf(folder: string, images: Readonly<Record<string, readonly string[]>>) {
  const blobs = join(folder, 'blobs/sha256');
  await mkdir(blobs, { recursive: true });
  const add = async (content: string) => {
    await writeFile(join(blobs, sha256(content)), content);
    return { digest: `sha256:${sha256(content)}`, size: content.length };
  };
  const manifests = [];
  for (const [name, contents] of Object.entries(images)) {
    const layers = [];
    for (const content of contents) layers.push(await add(content));
    const config = await add(`{"of":"${name}"}`);
    const manifest = await add(JSON.stringify({ schemaVersion: 2, config, layers }));
    manifests.push({ ...manifest, annotations: { 'org.opencontainers.image.ref.name': name } });
  }
  await add('of an older build');
  await writeFile(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
  await writeFile(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  return folder;
}

async function readTar(path: string): Promise<ReadonlyMap<string, string>> {
  const entries: [string, string][] = [];
  for await (const entry of Readable.from([await readFile(path)]).pipe(extract())) {
    entries.push([entry.header.name, (await buffer(entry)).toString()]);
  }
  expect(entries.length).toBe(new Set(entries.map(([name]) => name)).size);
  return new Map(entries);
}

const zIndex = z.object({
  manifests: z.array(
    z.object({ digest: z.string(), annotations: z.record(z.string(), z.string()) }),
  ),
});

test('an archive holds the asked images under their full names, and shared layers once', async () => {
  await using folder = await tempDir();
  const layout = await layoutOf(join(folder.path, 'layout'), {
    runner: ['base', 'programs'],
    pi: ['base', 'pi', 'programs'],
    operator: ['node'],
  });
  const names = new Map([
    ['runner', 'localhost/runner:1'],
    ['pi', 'localhost/pi:1'],
  ]);
  await writeArchive(layout, names, join(folder.path, 'out/images.tar'), tools);
  const entries = await readTar(join(folder.path, 'out/images.tar'));
  const { manifests } = zIndex.parse(JSON.parse(entries.get('index.json') ?? ''));
  const name = 'io.containerd.image.name';
  expect(manifests.map(({ annotations }) => annotations)).toEqual([
    { [name]: 'localhost/runner:1' },
    { [name]: 'localhost/pi:1' },
  ]);
  const contents = [...entries.values()];
  for (const layer of ['base', 'programs', 'pi']) expect(contents).toContain(layer);
  expect(contents).not.toContain('node');
  expect(await readdir(join(folder.path, 'out'))).toEqual(['images.tar']);
});

test('equal images give equal archives', async () => {
  await using folder = await tempDir();
  const written = [];
  for (const round of ['a', 'b']) {
    const layout = await layoutOf(join(folder.path, round), { runner: ['base'] });
    const output = join(folder.path, `${round}.tar`);
    await writeArchive(layout, new Map([['runner', 'localhost/runner:1']]), output, tools);
    written.push(sha256(await readFile(output)));
  }
  expect(written[0]).toBe(written[1]);
});

test('an image that is not there is named', async () => {
  await using folder = await tempDir();
  const layout = await layoutOf(folder.path, { runner: ['base'] });
  const names = new Map([['server', 'localhost/server:1']]);
  await expect(writeArchive(layout, names, join(layout, 'out.tar'), tools)).rejects.toThrow(
    'server',
  );
  expect(await findImage(layout, 'server')).toBeUndefined();
  expect(await findImage(join(layout, 'nowhere'), 'runner')).toBeUndefined();
});

test('a sweep removes what no image uses and nothing else', async () => {
  await using folder = await tempDir();
  const layout = await layoutOf(folder.path, { runner: ['base', 'programs'] });
  const left = () => readdir(join(layout, 'blobs/sha256'));
  expect(await left()).toHaveLength(5);
  await sweepLayout(layout);
  const kept = await left();
  expect(kept).toHaveLength(4);
  expect(kept).not.toContain(sha256('of an older build'));
  expect((await findImage(layout, 'runner'))?.layers.map(({ bytes }) => bytes)).toEqual([4, 8]);
});

import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MemoryArtifacts } from '../../test/support/memory-artifacts.ts';
import { tempDir } from '../../test/support/temp-dir.ts';
import { asSha256 } from '../base/brand.ts';
import { sha256 } from '../base/digest.ts';
import { importModel, materializeModel } from './model-artifact.ts';
import { readModel } from './model-manifest.ts';

const FILES = {
  'config.json': '{}',
  'model.safetensors': 'weights',
  'tokenizer.json': '{"a":1}',
  'chat_template.jinja': 'template',
};
const ADAPTER = {
  'adapter_config.json': '{}',
  'adapter_model.safetensors': 'small',
  'tokenizer.json': '{"a":1}',
  'chat_template.jinja': 'template',
};
const RECORD = { versions: {}, parents: [] };
const BASE = asSha256('ab'.repeat(32));

async function folder(at: string, files: Readonly<Record<string, string>>): Promise<string> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(at, name)), { recursive: true });
    await writeFile(join(at, name), text);
  }
  return at;
}

test('a model comes back byte for byte, and the same folder has the same name', async () => {
  await using dir = await tempDir();
  const artifacts = new MemoryArtifacts();
  const source = await folder(join(dir.path, 'a'), { ...FILES, 'extra/notes.txt': 'x' });
  const stored = await importModel(source, RECORD, artifacts);
  expect(stored.manifest).toMatchObject({
    kind: 'full',
    template: { path: 'chat_template.jinja', sha256: sha256('template') },
    tokenizer: { sha256: sha256('{"a":1}') },
  });
  expect((await importModel(source, RECORD, artifacts)).digest).toBe(stored.digest);
  const out = join(dir.path, 'b');
  expect(await materializeModel(stored.digest, out, artifacts)).toEqual(stored.manifest);
  expect((await readdir(out, { recursive: true })).toSorted()).toEqual([
    ...['chat_template.jinja', 'config.json', 'extra', 'extra/notes.txt'],
    ...['model.safetensors', 'tokenizer.json'],
  ]);
  expect(await readFile(join(out, 'model.safetensors'), 'utf8')).toBe('weights');
});

test('a pinned template takes the place of the one in the folder', async () => {
  await using dir = await tempDir();
  const artifacts = new MemoryArtifacts();
  const source = await folder(dir.path, FILES);
  const { manifest } = await importModel(source, RECORD, artifacts, { template: 'pinned' });
  expect(manifest.template.sha256).toBe(sha256('pinned'));
  const paths = manifest.files.map(({ path }) => path);
  expect(paths).toEqual([
    ...['chat_template.jinja', 'config.json', 'model.safetensors', 'tokenizer.json'],
  ]);
});

test('an adapter names its base', async () => {
  await using dir = await tempDir();
  const source = await folder(dir.path, ADAPTER);
  const record = { ...RECORD, parents: [BASE] };
  const { manifest } = await importModel(source, record, new MemoryArtifacts());
  expect(manifest).toMatchObject({ kind: 'adapter', base: BASE });
});

describe('a folder that is no model', () => {
  const without = (name: keyof typeof FILES): Readonly<Record<string, string>> =>
    Object.fromEntries(Object.entries(FILES).filter(([each]) => each !== name));

  test.each<[string, Readonly<Record<string, string>>, string]>([
    ['no weights', without('model.safetensors'), 'no *.safetensors'],
    ['no configuration', without('config.json'), 'no config.json'],
    ['no tokenizer', without('tokenizer.json'), 'no tokenizer.json'],
    ['no template', without('chat_template.jinja'), 'no chat_template.jinja; name the file'],
    ['pickled weights', { ...FILES, 'pytorch_model.bin': '' }, 'pytorch_model.bin can run code'],
    ['code', { ...FILES, 'modeling.py': '' }, 'modeling.py can run code'],
    ['adapter without base', ADAPTER, 'say which model it belongs to with --base'],
    ['adapter and full weights', { ...FILES, ...ADAPTER }, 'full weights (model.safetensors)'],
  ])('is refused: %s', async (_, files, message) => {
    await using dir = await tempDir();
    const artifacts = new MemoryArtifacts();
    await expect(
      importModel(await folder(dir.path, files), RECORD, artifacts),
    ).rejects.toMatchObject({ code: 'InvalidInput', message: expect.stringContaining(message) });
  });

  test('is refused: a link', async () => {
    await using dir = await tempDir();
    await folder(dir.path, FILES);
    await symlink('/etc/passwd', join(dir.path, 'vocab.txt'));
    await expect(importModel(dir.path, RECORD, new MemoryArtifacts())).rejects.toThrow(
      'vocab.txt is a link or no regular file',
    );
  });

  test('is refused: nothing there', async () => {
    await using dir = await tempDir();
    await expect(
      importModel(join(dir.path, 'x'), RECORD, new MemoryArtifacts()),
    ).rejects.toMatchObject({ code: 'NotFound' });
  });
});

describe('a digest that is no model', () => {
  test('names what to do, or what it is', async () => {
    const artifacts = new MemoryArtifacts();
    await expect(readModel(BASE, artifacts)).rejects.toThrow('clawgym models import DIR');
    const { digest } = await artifacts.put(Buffer.from('{"format":"other"}'));
    await expect(readModel(digest, artifacts)).rejects.toThrow('is no model/v1 manifest');
  });
});

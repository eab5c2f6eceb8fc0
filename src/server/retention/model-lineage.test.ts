import { expect, test } from 'vitest';
import { MemoryArtifacts } from '../../../test/support/memory-artifacts.ts';
import { storedModel } from '../../../test/support/training/stored-model.ts';
import { fakeExport } from '../../../test/support/training-bed.ts';
import { asSha256, type Sha256 } from '../../base/brand.ts';
import { canonicalJson } from '../../base/canonical-json.ts';
import { sha256 } from '../../base/digest.ts';
import { ModelLineage } from './model-lineage.ts';

const never = new AbortController().signal;

/** Counts what is read. */
class CountedArtifacts extends MemoryArtifacts {
  reads = 0;

  override async read(digest: Sha256) {
    this.reads += 1;
    return await super.read(digest);
  }
}

/** `first`, and `second` that was trained from it on an export. */
async function lineage() {
  const artifacts = new CountedArtifacts();
  const first = await storedModel('first', artifacts);
  const data = asSha256(await fakeExport(artifacts));
  const taskSet = sha256('tasks');
  const second = await storedModel('second', artifacts, {
    ...{ parents: [first.digest], data, taskSet },
  });
  return { artifacts, first, second, data, taskSet };
}

test('of a model are its files, what it was trained on, and the same of the models before it', async () => {
  const { artifacts, first, second, data, taskSet } = await lineage();
  const of = async (digest: Sha256) => await new ModelLineage(artifacts).of([digest], never);
  const rows = [...artifacts.contents.keys()].filter(
    (digest) =>
      ![...first.files, ...second.files, first.digest, second.digest, data].includes(digest),
  );
  expect(await of(first.digest)).toEqual(new Set([first.digest, ...first.files]));
  expect(await of(data)).toEqual(new Set([data, ...rows]));
  expect(await of(second.digest)).toEqual(
    new Set([
      ...[first.digest, ...first.files, second.digest, ...second.files],
      ...[data, ...rows, taskSet],
    ]),
  );
});

test('of an adapter are those of the model that it belongs to', async () => {
  const { artifacts, first } = await lineage();
  const manifest = {
    ...{ format: 'model/v1', kind: 'adapter', base: first.digest, files: [] },
    ...{ template: { path: 't', sha256: sha256('t') }, record: { versions: {} } },
    // A field of another version.
    later: true,
  };
  const { digest } = await artifacts.put(Buffer.from(canonicalJson(manifest)));
  expect(await new ModelLineage(artifacts).of([digest], never)).toEqual(
    new Set([digest, sha256('t'), first.digest, ...first.files]),
  );
});

test('of anything else, and of what is not there, is nothing', async () => {
  const artifacts = new MemoryArtifacts();
  const contents = [
    '',
    'weights',
    '{"format":"model/v1"}',
    '{"half',
    '[]',
    '{"format":"other/v1"}',
  ];
  const digests: Sha256[] = [sha256('missing')];
  for (const text of contents) digests.push((await artifacts.put(Buffer.from(text))).digest);
  expect(await new ModelLineage(artifacts).of(digests, never)).toEqual(new Set());
});

test('is read once, but for what came later', async () => {
  const { artifacts, first, second } = await lineage();
  const manifest = await artifacts.read(first.digest);
  artifacts.contents.delete(first.digest);
  const it = new ModelLineage(artifacts);
  const files = first.files[0] ?? expect.fail('no file');
  expect((await it.of([second.digest], never)).has(files)).toBe(false);
  await artifacts.put(manifest);
  expect((await it.of([second.digest], never)).has(files)).toBe(true);
  const before = artifacts.reads;
  expect((await it.of([second.digest], never)).has(files)).toBe(true);
  expect(artifacts.reads).toBe(before);
});

test('a store that fails ends the walk, so that nothing is taken for unnamed', async () => {
  const { artifacts, second } = await lineage();
  artifacts.read = () => Promise.reject(new Error('input/output error'));
  await expect(new ModelLineage(artifacts).of([second.digest], never)).rejects.toThrow(
    'input/output',
  );
});

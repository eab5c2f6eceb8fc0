import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { tempDir } from '../../test/support/temp-dir.ts';
import { fakeModel } from '../../test/support/training-bed.ts';
import { asSha256 } from '../base/brand.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import { silentLogger } from '../base/logger.ts';
import { importModel } from '../training/model-artifact.ts';
import { cliEnvironment } from './environment.ts';
import { openWorkStore } from './run-outputs/work-store.ts';
import { type ModelSource, ServedModels } from './served-models.ts';

/** A run beside another one whose store has a model, an adapter of it, and something else. */
async function bed() {
  const dir = await tempDir();
  onTestFinished(() => dir[Symbol.asyncDispose]());
  await using other = await openWorkStore(join(dir.path, 'work/other'));
  const folder = await fakeModel(join(dir.path, 'base'));
  const { digest: whole, manifest } = await importModel(
    folder,
    { versions: {}, parents: [] },
    other.artifacts,
  );
  const text = canonicalJson({ ...manifest, kind: 'adapter', base: whole });
  const { digest: adapter } = await other.artifacts.put(Buffer.from(text));
  const { digest: strange } = await other.artifacts.put(Buffer.from('{"format":"other"}'));
  const models = new ServedModels({
    ...{ out: join(dir.path, 'work/bench'), environment: cliEnvironment() },
    ...{ logger: silentLogger, signal: new AbortController().signal },
  });
  onTestFinished(() => models[Symbol.asyncDispose]());
  return { models, whole, adapter, strange };
}

test('a model that another run made is known by its digest, and served once a name', async () => {
  const { models, whole } = await bed();
  const source: ModelSource = { kind: 'artifact', digest: whole };
  const served = await models.open('m', source);
  expect(served.digest).toBe(whole);
  expect(await models.open('m', source)).toBe(served);
  expect(await models.open('n', source)).not.toBe(served);
});

test.each<[string, (made: Awaited<ReturnType<typeof bed>>) => ModelSource, RegExp]>([
  [
    'that is nowhere',
    () => ({ kind: 'artifact', digest: asSha256('ab'.repeat(32)) }),
    /^spec\.model\.artifact of m: model sha256:(ab){32} is not in any store of .*work; import it with: clawgym models import DIR --out .*work, and name the digest that it prints$/,
  ],
  [
    'of a run that is none',
    () => ({ kind: 'trainingRun', name: 'sft' }),
    /^model m: no TrainingRun sft is complete in .*; put it into the same manifest, or run it first$/,
  ],
  [
    'that is something else',
    ({ strange }) => ({ kind: 'artifact', digest: strange }),
    /is no model\/v1 manifest: /,
  ],
  [
    'that is an adapter',
    ({ adapter }) => ({ kind: 'artifact', digest: adapter }),
    /^model m: sha256:\w{64} is an adapter, .*name the full model that its training run made$/,
  ],
])('a model %s is refused before anything is started', async (_, sourceOf, message) => {
  const made = await bed();
  await expect(made.models.open('m', sourceOf(made))).rejects.toThrow(message);
});

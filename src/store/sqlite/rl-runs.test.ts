import { expect, onTestFinished, test } from 'vitest';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { asBatchId, type Sha256 } from '../../base/brand.ts';
import { systemClock } from '../../base/clock.ts';
import { sha256 } from '../../base/digest.ts';
import type { ClusterStore } from '../cluster-records.ts';
import type { DigestCursor } from '../retention-records.ts';
import { openSqliteClusterStore } from './open.ts';

const RUN = { run: 'uid', plan: JSON.stringify({ base: sha256('base') }), createdAt: 1 };

async function open(): Promise<ClusterStore> {
  const dir = await tempDir();
  const store = await openSqliteClusterStore({
    ...{ folder: dir.path, holder: 'test', clock: systemClock },
  });
  onTestFinished(async () => {
    await store[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });
  await store.planRl(RUN);
  return store;
}

async function named(store: ClusterStore): Promise<ReadonlySet<Sha256>> {
  const digests: Sha256[] = [];
  let after: DigestCursor | undefined;
  do {
    const page = await store.namedDigests(after);
    digests.push(...page.digests);
    after = page.next;
  } while (after !== undefined);
  return new Set(digests);
}

test('a run is planned once, and refused with another plan', async () => {
  const store = await open();
  await store.planRl({ ...RUN, createdAt: 9 });
  expect(await store.getRl('uid')).toEqual(RUN);
  expect(await store.getRl('other')).toBeUndefined();
  await expect(store.planRl({ ...RUN, plan: '{}' })).rejects.toMatchObject({ code: 'Conflict' });
});

test('the batch that plays a wanted one is the last that was told', async () => {
  const store = await open();
  expect(await store.getRlBatch('uid', 'r-step-1')).toBeUndefined();
  await store.setRlBatch('uid', 'r-step-1', asBatchId('a'));
  await store.setRlBatch('uid', 'r-step-1', asBatchId('b'));
  expect(await store.getRlBatch('uid', 'r-step-1')).toBe('b');
});

test('a step is frozen once, and trained after that', async () => {
  const store = await open();
  await expect(store.trainRlStep('uid', 1, '{}')).rejects.toMatchObject({ code: 'NotFound' });
  await store.freezeRlStep('uid', 1, '{"step":1}');
  await store.freezeRlStep('uid', 1, '{"step":1}');
  const other = store.freezeRlStep('uid', 1, '{"step":1,"more":1}');
  await expect(other).rejects.toMatchObject({ code: 'Conflict' });
  await store.freezeRlStep('uid', 2, '{"step":2}');
  await store.trainRlStep('uid', 1, '{"policyVersion":1}');
  expect(await store.listRlSteps('uid')).toEqual([
    { step: 1, frozen: '{"step":1}', trained: '{"policyVersion":1}' },
    { step: 2, frozen: '{"step":2}', trained: undefined },
  ]);
});

test('what a run still needs is named: inputs, arrays that wait, two policies and every index', async () => {
  const store = await open();
  const frozen = (step: number) =>
    JSON.stringify({
      step,
      index: sha256(`index ${step}`),
      tokens: { sha256: sha256(`t ${step}`) },
    });
  for (const step of [1, 2]) await store.freezeRlStep('uid', step, frozen(step));
  await store.trainRlStep('uid', 1, '{}');
  for (const version of [1, 2, 3]) {
    const files = [sha256(`weights ${version}`)];
    await store.putRlPolicy('uid', { version, model: sha256(`model ${version}`), files });
  }
  const kept = ['base', 'index 1', 'index 2', 't 2'].map((text) => sha256(text));
  const policies = [2, 3].flatMap((v) => [sha256(`model ${v}`), sha256(`weights ${v}`)]);
  expect(await named(store)).toEqual(new Set([...kept, ...policies]));
  expect(await store.getRlPolicy('uid', 1)).toBeUndefined();
  expect(await store.getRlPolicy('uid', 3)).toEqual({
    ...{ version: 3, model: sha256('model 3'), files: [sha256('weights 3')] },
  });
});

test('a run that is removed leaves nothing', async () => {
  const store = await open();
  await store.setRlBatch('uid', 'r-step-1', asBatchId('a'));
  await store.freezeRlStep('uid', 1, '{}');
  await store.putRlPolicy('uid', { version: 1, model: sha256('m'), files: [] });
  expect(await store.removeTraining('uid', 2)).toEqual({ removed: 2, gone: false });
  expect(await store.removeTraining('uid', 500)).toEqual({ removed: 2, gone: true });
  expect(await store.removeTraining('uid', 500)).toEqual({ removed: 0, gone: true });
  expect(await named(store)).toEqual(new Set());
  expect(await store.getRl('uid')).toBeUndefined();
  expect(await store.listRlSteps('uid')).toEqual([]);
});

import { expect, test } from 'vitest';
import { aBatch, aDecision, aPlan } from '../../../test/support/records.ts';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { asBatchId, asRolloutId } from '../../base/brand.ts';
import { systemClock } from '../../base/clock.ts';
import { openSqliteClusterStore } from './open.ts';

test('a batch is open until its last rollout is decided', async () => {
  await using folder = await tempDir();
  const options = { folder: folder.path, holder: 'a test', clock: systemClock };
  await using store = await openSqliteClusterStore(options);
  const second = aBatch({ id: asBatchId('batch-2') });
  await store.planBatch(aBatch(), aPlan(4));
  await store.planBatch(second, aPlan(2, 1, 'batch-2'));
  expect(await store.openBatches()).toEqual([aBatch(), second]);
  const one = asRolloutId('batch-2/task-0/0');
  const two = asRolloutId('batch-2/task-1/0');
  await store.decideRollout(one, aDecision(one, { attempt: undefined }));
  expect(await store.openBatches()).toHaveLength(2);
  await store.decideRollout(two, aDecision(two, { attempt: undefined }));
  expect(await store.openBatches()).toEqual([aBatch()]);
});

import { expect, it } from 'vitest';
import { engineBatch } from '../../test/support/engine-batch.ts';
import { MemoryArtifacts } from '../../test/support/memory-artifacts.ts';
import { asBatchId } from '../base/brand.ts';
import type { BatchPlan } from '../engines/engine.ts';
import { refuseOtherRun } from './refuse-other-spec.ts';

function arm(name: string, arm: string, kind = 'BenchRun'): BatchPlan {
  const plan = engineBatch({ kind: 'builtin', changes: [] }, new MemoryArtifacts());
  const id = asBatchId(`${name}-${arm}`);
  return { ...plan, batch: { ...plan.batch, id, owner: { kind, name, arm } } };
}

const holding = (...plans: readonly BatchPlan[]) => ({
  listBatches: () => Promise.resolve(plans.map(({ batch }) => batch)),
});

it('a folder without a run, and one with this run, are taken', async () => {
  const asked = [arm('bench', 'nop'), arm('bench', 'lazy')];
  expect(await refuseOtherRun(asked, holding(), 'out')).toEqual([]);
  expect(await refuseOtherRun(asked, holding(arm('bench', 'nop')), 'out')).toEqual([]);
});

it('names arms of this run that the new report leaves out', async () => {
  const held = holding(arm('bench', 'nop'), arm('bench', 'pi'));
  expect(await refuseOtherRun([arm('bench', 'pi')], held, 'out')).toEqual(['nop']);
});

it.each([
  ['another name', arm('quickstart', 'nop'), 'holds the BenchRun quickstart'],
  ['another kind', arm('bench', 'nop', 'RolloutBatch'), 'holds the RolloutBatch bench'],
])('%s is refused: its report would be replaced', async (_what, held, words) => {
  await expect(refuseOtherRun([arm('bench', 'nop')], holding(held), 'out')).rejects.toMatchObject({
    code: 'Conflict',
    message: expect.stringContaining(`out ${words}`) as unknown,
  });
});

import type { BatchPlan } from '../engines/engine.ts';
import type { RecordReader } from '../store/record-reader.ts';
import type { PreparedArm } from './prepare-arms.ts';
import type { ServedModel } from './served-models.ts';

/**
 * Runs the plans of the arms: those that no model of ours answers together, then those of each such model,
 * one model after the other, so that one of them is in memory at a time. Its server is proven before its
 * first rollout starts and ended after its last.
 */
export async function runInTurn(
  plans: readonly BatchPlan[],
  arms: readonly PreparedArm[],
  store: Pick<RecordReader, 'countOutcomes'>,
  run: (plans: readonly BatchPlan[]) => Promise<void>,
): Promise<void> {
  const groups = new Map<ServedModel | undefined, BatchPlan[]>([[undefined, []]]);
  for (const [index, plan] of plans.entries()) {
    const served = arms[index]?.served;
    groups.set(served, [...(groups.get(served) ?? []), plan]);
  }
  for (const [served, group] of groups) {
    if (served === undefined) {
      if (group.length > 0) await run(group);
      continue;
    }
    const counts = await Promise.all(group.map(({ batch }) => store.countOutcomes(batch.id)));
    if (counts.every(({ undecided }) => undecided === 0)) continue;
    try {
      await served.policy.prove();
      await run(group);
    } finally {
      await served.policy.rest();
    }
  }
}

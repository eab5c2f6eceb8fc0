import { SHOWN_EVALUATIONS } from '../../../api/training-status.ts';
import type { ClusterStore } from '../../../store/cluster-records.ts';
import { type EvaluationFacts, evaluationFacts } from '../../../training/rl/evaluation-facts.ts';
import { evaluationName } from '../../../training/rl/rl-run.ts';
import { decidedBatch, type LiveRl } from './live-rl.ts';

/**
 * What the newest evaluations of a run found so far, the last one last. Decided ones are read once.
 * @param most how many; absent: as many as a status shows
 */
export async function seenEvaluations(
  { uid, run, board, evaluations }: LiveRl,
  store: ClusterStore,
  most: number = SHOWN_EVALUATIONS,
): Promise<readonly EvaluationFacts[]> {
  const every = run.evaluate?.every;
  if (every === undefined) return [];
  const newest = board.steps.length - (board.steps.length % every);
  for (let step = newest; step > 0 && step > newest - most * every; step -= every) {
    if (evaluations.has(step)) continue;
    const batch = await decidedBatch(uid, evaluationName(run.name, step), store);
    if (batch === undefined) continue;
    const policyVersion = board.steps.slice(0, step).filter(({ trained }) => trained).length;
    const rows = await store.listRollouts(batch);
    evaluations.set(step, evaluationFacts({ step, policyVersion }, rows));
  }
  const known = [...evaluations.values()].toSorted((a, b) => a.step - b.step);
  return known.slice(-most);
}

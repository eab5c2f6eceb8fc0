import type { ClusterStore } from '../../../store/cluster-records.ts';
import { type EvaluationFacts, evaluationFacts } from '../../../training/rl/evaluation-facts.ts';
import { evaluationName } from '../../../training/rl/rl-run.ts';
import { decidedBatch, type LiveRl } from './live-rl.ts';

/** Evaluations that a state shows: the newest ones. */
const SHOWN = 16;

/** What the evaluations of a run found so far, the newest one last. Decided ones are read once. */
export async function seenEvaluations(
  { uid, run, board, evaluations }: LiveRl,
  store: ClusterStore,
): Promise<readonly EvaluationFacts[]> {
  const every = run.evaluate?.every;
  if (every === undefined) return [];
  const newest = board.steps.length - (board.steps.length % every);
  for (let step = newest; step > 0 && step > newest - SHOWN * every; step -= every) {
    if (evaluations.has(step)) continue;
    const batch = await decidedBatch(uid, evaluationName(run.name, step), store);
    if (batch === undefined) continue;
    const policyVersion = board.steps.slice(0, step).filter(({ trained }) => trained).length;
    const rows = await store.listRollouts(batch);
    evaluations.set(step, evaluationFacts({ step, policyVersion }, rows));
  }
  const known = [...evaluations.values()].toSorted((a, b) => a.step - b.step);
  return known.slice(-SHOWN);
}

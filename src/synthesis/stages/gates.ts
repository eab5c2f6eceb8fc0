import { GATES, type GateRun, gateRuns } from '../../rollouts/gates/gate-runs.ts';
import type { Runs } from '../../rollouts/gates/verdict.ts';
import { gateVerdicts } from '../../rollouts/gates/verdicts.ts';
import { taskFacts } from '../../tasks/gate/task-facts.ts';
import { candidateOf, taskIdOf } from '../candidate.ts';
import type { RunStage } from './stage.ts';

/** Cheapest first; the next ones run only where the last held. */
const WAVES: readonly (readonly GateRun[])[] = [['nop', 'lazy'], ['solution'], ['cheats']];

/** Every admission gate of a ClawTask, with its code and numbers, on the finished task. */
export const gatesStage: RunStage = async ({ number, data }, context) => {
  const candidate = candidateOf(taskIdOf(context.job, number), data);
  const facts = await taskFacts(candidate.entry, candidate.blobs);
  const plans = facts.problems.length === 0 ? gateRuns(facts) : [];
  let runs: Runs = {};
  for (const wave of WAVES) {
    const wanted = plans.filter(({ run }) => wave.includes(run));
    if (wanted.length === 0) continue;
    const report = await context.gates.run(candidate, wanted, 'gates', context.signal);
    runs = { ...runs, ...report.runs };
    // Gates whose run has not begun only wait.
    const now = gateVerdicts(facts, runs, context.bounds);
    if (GATES.some((gate) => now[gate].status === 'False')) break;
  }
  const verdicts = gateVerdicts(facts, runs, context.bounds);
  const bad =
    GATES.find((gate) => verdicts[gate].status === 'False') ??
    GATES.find((gate) => verdicts[gate].status !== 'True');
  const gates = GATES.map((gate) => {
    const { reason, message } = verdicts[gate];
    return { gate, reason, message };
  });
  const judged = { ...data, gates };
  if (bad === undefined)
    return { kind: 'passed', data: { ...judged, task: candidate.entry.digest } };
  const { reason, message } = verdicts[bad];
  return { kind: 'rejected', data: judged, reason, message: `${bad}: ${message}` };
};

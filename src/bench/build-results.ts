import { armResult } from './arm-result.ts';
import { RESULTS_SCHEMA, type Results } from './results.ts';
import type { RunFacts } from './run-facts.ts';

/** Rows -> results; pure, so that every number can be computed again from the rows. */
export function buildResults(facts: RunFacts): Results {
  const graders = gradersOf(facts);
  return {
    schema: RESULTS_SCHEMA,
    name: facts.name,
    createdAt: new Date(facts.createdAt).toISOString(),
    product: { ...facts.product },
    taskSet: { digest: facts.taskSet, tasks: facts.tasks.length },
    score: facts.score,
    graders,
    hostPython: graders.some((grader) => grader.root === 'host'),
    command: facts.command,
    parameters: { ...facts.parameters },
    arms: facts.arms.map((arm) => armResult(arm, facts.tasks)),
  };
}

function gradersOf(facts: RunFacts): Results['graders'] {
  const byName = new Map<string, Results['graders'][number]>();
  for (const arm of facts.arms) {
    for (const rollout of arm.rollouts) {
      for (const grader of rollout.attempts.flatMap((attempt) => attempt.graders)) {
        byName.set(`${grader.root} ${grader.python}`, { ...grader });
      }
    }
  }
  return [...byName].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, grader]) => grader);
}

/** False where an arm's coverage is below 98 % (or nothing was gradable): the exit code says so. */
export function isComplete(results: Results): boolean {
  return results.arms.length > 0 && results.arms.every((arm) => arm.complete);
}

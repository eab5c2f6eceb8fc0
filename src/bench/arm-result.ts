import { mean, meanInterval } from '../base/statistics.ts';
import { isAgentResult } from '../rollouts/outcome.ts';
import {
  type ArmResult,
  type CategoryResult,
  COMPLETE_COVERAGE,
  type Means,
  type ResultOutcome,
  type SampleResult,
  SUCCESS_THRESHOLD,
  type TaskResult,
} from './results.ts';
import type { ArmFacts, TaskFacts } from './run-facts.ts';
import { sampleResult, sumTokens } from './sample-result.ts';

/** One arm as results.json shows it: tasks in the order of the set, then what follows from them. */
export function armResult(arm: ArmFacts, taskFacts: readonly TaskFacts[]): ArmResult {
  const tasks = taskResults(arm, taskFacts);
  const samples = tasks.flatMap((task) => task.attempts);
  const planned = samples.filter(isGradable);
  const covered = planned.filter(counts);
  const finals = taskMeans(tasks, finalOf);
  const solved = taskMeans(tasks, solvedOf);
  const single = tasks.every((task) => task.attempts.length <= 1);
  const coverage = share(covered.length, planned.length);
  return {
    name: arm.name,
    kind: arm.kind,
    batch: arm.batch.id,
    specDigest: arm.batch.specDigest,
    agent: { ...arm.agent },
    model: arm.model ?? null,
    training: trainingOf(arm),
    mean: meansOver(tasks),
    interval: meanInterval(finals, single),
    success: {
      threshold: SUCCESS_THRESHOLD,
      rate: mean(solved),
      interval: meanInterval(solved, single),
    },
    bounds: { low: boundedMean(tasks, 0), high: boundedMean(tasks, 1) },
    planned: planned.length,
    notGradable: samples.length - planned.length,
    coverage,
    complete: planned.length > 0 && coverage >= COMPLETE_COVERAGE,
    outcomes: tally(samples),
    tokens: sumTokens(samples.map((sample) => sample.tokens)),
    seconds: samples.reduce((sum, sample) => sum + sample.seconds, 0),
    categories: categoryResults(tasks),
    tasks,
  };
}

function trainingOf({ training }: ArmFacts): ArmResult['training'] {
  if (training === undefined) return null;
  return { shared: [...training.shared], unread: [...training.unread] };
}

function taskResults(arm: ArmFacts, taskFacts: readonly TaskFacts[]): TaskResult[] {
  const byTask = Map.groupBy(arm.rollouts, (rollout) => rollout.row.taskId);
  return taskFacts.flatMap((task) => {
    const attempts = (byTask.get(task.id) ?? [])
      .map(sampleResult)
      .toSorted((a, b) => a.sample - b.sample);
    if (attempts.length === 0) return [];
    return [{ ...task, mean: sampleMeans(attempts), attempts }];
  });
}

const isGradable = (sample: SampleResult): boolean => sample.outcome !== 'not_gradable';

/** True where the rollout is the agent's own result, so that it enters means. */
export function counts(sample: SampleResult): boolean {
  return sample.outcome !== 'undecided' && isAgentResult(sample.outcome);
}

const finalOf = (sample: SampleResult): number | null => sample.score.final;

function solvedOf(sample: SampleResult): number | null {
  if (sample.score.final === null) return null;
  return sample.score.final >= SUCCESS_THRESHOLD ? 1 : 0;
}

type Part = (sample: SampleResult) => number | null;

function sampleMean(samples: readonly SampleResult[], part: Part): number | null {
  return mean(samples.filter(counts).flatMap((sample) => part(sample) ?? []));
}

function sampleMeans(samples: readonly SampleResult[]): Means {
  return {
    flat: sampleMean(samples, (sample) => sample.score.flat),
    native: sampleMean(samples, (sample) => sample.score.native),
    final: sampleMean(samples, finalOf),
  };
}

/** Task means, of the tasks that have one. */
function taskMeans(tasks: readonly TaskResult[], part: Part): number[] {
  return tasks.flatMap((task) => sampleMean(task.attempts, part) ?? []);
}

function meansOver(tasks: readonly TaskResult[]): Means {
  return {
    flat: mean(tasks.flatMap((task) => task.mean.flat ?? [])),
    native: mean(tasks.flatMap((task) => task.mean.native ?? [])),
    final: mean(tasks.flatMap((task) => task.mean.final ?? [])),
  };
}

/** The headline if every missing rollout had this score. */
function boundedMean(tasks: readonly TaskResult[], missing: number): number | null {
  return mean(
    tasks.flatMap((task) => {
      const values = task.attempts
        .filter(isGradable)
        .map((sample) => (counts(sample) ? (sample.score.final ?? missing) : missing));
      return mean(values) ?? [];
    }),
  );
}

function categoryResults(tasks: readonly TaskResult[]): CategoryResult[] {
  const groups = Map.groupBy(tasks, (task) => task.category);
  return [...groups]
    .map(([category, members]): CategoryResult => {
      const planned = members.flatMap((task) => task.attempts).filter(isGradable);
      return {
        category,
        tasks: members.filter((task) => task.attempts.some(isGradable)).length,
        mean: meansOver(members),
        success: mean(taskMeans(members, solvedOf)),
        coverage: share(planned.filter(counts).length, planned.length),
      };
    })
    .toSorted((a, b) => (a.category < b.category ? -1 : a.category > b.category ? 1 : 0));
}

function tally(samples: readonly SampleResult[]): ArmResult['outcomes'] {
  const outcomes: Partial<Record<ResultOutcome, number>> = {};
  for (const { outcome } of samples) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  return outcomes;
}

const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

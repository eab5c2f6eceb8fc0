import { ClawError } from '../../../src/base/error.ts';
import type { NewObject } from '../../kube/client/resource-client.ts';
import { findCondition } from '../../kube/objects/conditions.ts';
import type { RolloutBatch } from '../shared/kinds.ts';
import { isGoing, isOver } from '../shared/life.ts';
import { runStart } from '../shared/run-start.ts';
import { armBatch, armBatchName, type Steering, steeringPatch } from './arm-batch.ts';
import { type Arm, benchArms, parallelismOf } from './arms.ts';
import type { BenchRun } from './kinds.ts';

const DEADLINE_EXCEEDED = 'DeadlineExceeded';

/** An arm and the batch that runs it, where it is there already. */
export interface ArmState {
  readonly arm: Arm;
  readonly batchName: string;
  readonly batch: RolloutBatch | undefined;
}

export interface Problem {
  /** CamelCase. */
  readonly reason: string;
  readonly message: string;
}

/** What is to be done for one BenchRun, and what was seen. */
export interface BenchPlan {
  readonly create: readonly NewObject<RolloutBatch>[];
  readonly change: readonly {
    readonly batch: RolloutBatch;
    /** Fields of a merge patch of its spec. */
    readonly spec: Readonly<Record<string, unknown>>;
  }[];
  /** In the order of the spec. */
  readonly arms: readonly ArmState[];
  /** Digest of the task set that every arm runs, once one arm has frozen it. */
  readonly taskSet: string | undefined;
  /** Milliseconds since the epoch at which the whole bench fails. */
  readonly deadline: number | undefined;
  readonly deadlineOver: boolean;
  /** Why the bench will end as failed: no further arm is begun, the others run to their end. */
  readonly failure: Problem | undefined;
  /** True when no arm has anything left to do. */
  readonly allOver: boolean;
  /** Why this bench cannot go on before somebody does something. */
  readonly problem: Problem | undefined;
}

/**
 * Pure: from a bench and its batches to what is to be done. The first arm reads the task source; the
 * others are made when it has frozen the set, and run that set by its digest.
 *
 * @param batches Those that the bench controls, by uid.
 */
export function planBench(
  bench: BenchRun,
  batches: readonly RolloutBatch[],
  nowMs: number,
): BenchPlan {
  const named = namedArms(bench);
  if ('problem' in named) return nothing([], undefined, named.problem);
  const byName = new Map(batches.map((batch) => [batch.metadata.name, batch]));
  const arms = named.arms.map((arm): ArmState => {
    const name = armBatchName(bench, arm.name);
    return { arm, batchName: name, batch: byName.get(name) };
  });
  const frozen = frozenSets(bench, arms);
  const [taskSet] = frozen;
  const problem = frozen.length > 1 ? differentSets(arms) : undefined;
  // A bench that is over never makes a batch again, also where its batches are gone.
  if (problem !== undefined || isOver(bench) || isGoing(bench))
    return nothing(arms, taskSet, problem);
  const deadline = deadlineOf(bench, arms, nowMs);
  const deadlineOver = deadline !== undefined && nowMs >= deadline;
  const failure = failureOf(bench, arms, deadlineOver);
  const overAt = deadlineOver ? deadline : undefined;
  const allOver = arms.every(({ batch }) =>
    batch === undefined
      ? failure !== undefined
      : isOver(batch) || (deadlineOver && !hasStarted(batch)),
  );
  return {
    ...work(bench, arms, { taskSet, overAt, failed: failure !== undefined }),
    ...{ arms, taskSet, deadline, deadlineOver, failure, allOver, problem },
  };
}

function work(
  bench: BenchRun,
  arms: readonly ArmState[],
  {
    taskSet,
    overAt,
    failed,
  }: {
    readonly taskSet: string | undefined;
    /** The deadline that is over, where it is. */
    readonly overAt: number | undefined;
    readonly failed: boolean;
  },
): Pick<BenchPlan, 'create' | 'change'> {
  const { spec } = bench;
  const { activeDeadlineSeconds } = spec;
  const create: NewObject<RolloutBatch>[] = [];
  const change: BenchPlan['change'][number][] = [];
  const unfinished = arms.filter(({ batch }) => batch === undefined || !isOver(batch));
  const parts = parallelismOf(
    spec.parallelism,
    unfinished.map(({ arm }) => arm.name),
  );
  let reading = arms.some(({ batch }) => batch !== undefined);
  for (const { arm, batch } of unfinished) {
    const parallelism = parts.get(arm.name);
    const place = parallelism !== 0;
    if (batch === undefined) {
      // Without a frozen set one arm at a time reads the source.
      const first = !reading;
      if (spec.suspend || failed || !place || (taskSet === undefined && !first)) continue;
      const steering = { suspend: false, parallelism, activeDeadlineSeconds };
      create.push(armBatch(bench, arm, taskSet, steering));
      reading = true;
      continue;
    }
    const steering: Steering = {
      suspend: spec.suspend || !place || (overAt !== undefined && !hasStarted(batch)),
      parallelism: place ? parallelism : batch.spec.parallelism,
      activeDeadlineSeconds: overAt === undefined ? activeDeadlineSeconds : until(batch, overAt),
    };
    const patch = isGoing(batch) ? undefined : steeringPatch(batch, spec, steering);
    if (patch !== undefined) change.push({ batch, spec: patch });
  }
  return { create, change };
}

function nothing(
  arms: readonly ArmState[],
  taskSet: string | undefined,
  problem: Problem | undefined,
): BenchPlan {
  const none = { deadline: undefined, deadlineOver: false, failure: undefined, allOver: false };
  return { create: [], change: [], arms, taskSet, problem, ...none };
}

function namedArms(
  bench: BenchRun,
): { readonly arms: readonly Arm[] } | { readonly problem: Problem } {
  try {
    return { arms: benchArms(bench.spec) };
  } catch (thrown) {
    if (!(thrown instanceof ClawError)) throw thrown;
    return { problem: { reason: 'InvalidArms', message: thrown.message } };
  }
}

/** What was said once stays: an arm that ends well at the last moment does not unsay it. */
function failureOf(
  bench: BenchRun,
  arms: readonly ArmState[],
  deadlineOver: boolean,
): Problem | undefined {
  const said = findCondition(bench.status?.conditions, 'FailureTarget');
  if (said?.status === 'True') return { reason: said.reason, message: said.message };
  for (const { arm, batch, batchName } of arms) {
    const failed = ['Failed', 'FailureTarget']
      .map((type) => findCondition(batch?.status?.conditions, type))
      .find((condition) => condition?.status === 'True');
    if (failed === undefined) continue;
    const timedOut = failed.reason === DEADLINE_EXCEEDED;
    return {
      reason: timedOut ? DEADLINE_EXCEEDED : 'ArmFailed',
      message: `arm ${arm.name} (RolloutBatch ${batchName}): ${failed.message}`,
    };
  }
  const unfinished = arms.filter(({ batch }) => batch === undefined || !isOver(batch));
  if (!deadlineOver || unfinished.length === 0) return undefined;
  return {
    reason: DEADLINE_EXCEEDED,
    message:
      `activeDeadlineSeconds (${bench.spec.activeDeadlineSeconds}) are over and ${unfinished.length} of ` +
      `${arms.length} arms are not done; create another BenchRun with more time`,
  };
}

/** Digests that were frozen, each once: by the bench, by its arms, or by arms that were given one. */
function frozenSets(bench: BenchRun, arms: readonly ArmState[]): readonly string[] {
  const own = bench.status?.taskSet;
  const planned = arms.map(({ batch }) => batch?.status?.taskSet);
  const given =
    bench.spec.tasks.digest === undefined ? arms.map(({ batch }) => batch?.spec.tasks.digest) : [];
  return [...new Set([own, ...planned, ...given].filter((digest) => digest !== undefined))];
}

function differentSets(arms: readonly ArmState[]): Problem {
  const sets = arms.flatMap(({ arm, batch }) => {
    const digest = batch?.status?.taskSet;
    return digest === undefined ? [] : [`${arm.name} ${digest.slice(0, 12)}`];
  });
  return {
    reason: 'TaskSetsDiffer',
    message: `the arms have not frozen the same task set (${sets.join(', ')}): their scores cannot be compared; delete this BenchRun and create it again`,
  };
}

/** The bench starts with the first of its arms, and anew when it goes on after a pause of its own. */
export function benchStart(
  bench: BenchRun,
  arms: readonly ArmState[],
  nowMs: number,
): number | undefined {
  const begun = arms
    .flatMap(({ batch }) => batch?.status?.startTime ?? [])
    .map((stamp) => Date.parse(stamp))
    .toSorted((one, other) => one - other)
    .at(0);
  return runStart(bench, begun, nowMs);
}

/** While a bench is suspended its time does not run out. */
function deadlineOf(bench: BenchRun, arms: readonly ArmState[], nowMs: number): number | undefined {
  const { activeDeadlineSeconds, suspend } = bench.spec;
  const start = benchStart(bench, arms, nowMs);
  if (activeDeadlineSeconds === undefined || start === undefined || suspend) return undefined;
  return start + activeDeadlineSeconds * 1000;
}

/** The deadline of a batch, counted from its own start, that ends it with the bench. */
function until(batch: RolloutBatch, overAt: number): number | undefined {
  const start = batch.status?.startTime;
  if (start === undefined) return batch.spec.activeDeadlineSeconds;
  return Math.max(1, Math.floor((overAt - Date.parse(start)) / 1000));
}

const hasStarted = (batch: RolloutBatch): boolean => batch.status?.startTime !== undefined;

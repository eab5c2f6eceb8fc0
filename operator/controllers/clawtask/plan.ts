import { GROUP } from '../../../src/api/group.ts';
import { rolloutBatch } from '../../../src/api/rollout-batch.ts';
import type { TaskSetAnswer } from '../../../src/protocol/operator-api.ts';
import { type GateRun, gateRuns, type RunPlan } from '../../../src/rollouts/gates/gate-runs.ts';
import { unknown, type Verdict } from '../../../src/rollouts/gates/verdict.ts';
import type { NewObject } from '../../kube/client/resource-client.ts';
import { findCondition } from '../../kube/objects/conditions.ts';
import { labelValue } from '../../kube/objects/labels.ts';
import { controllerRef } from '../../kube/objects/owner-references.ts';
import { batchName } from '../shared/batch-name.ts';
import type { ClawTask, RolloutBatch } from '../shared/kinds.ts';
import { isGoing, isOver } from '../shared/life.ts';
import { placeOf } from '../shared/place.ts';

const TASK_LABEL = `${GROUP}/clawtask`;
const RUN_LABEL = `${GROUP}/gate`;
/** Digits of the task's digest in the names of its batches. */
const DIGITS = 8;

/** The task as the server has frozen it. */
export interface FrozenTask {
  /** Of the task set that holds this one task. */
  readonly taskSet: string;
  readonly facts: TaskSetAnswer['tasks'][number];
}

/** A run of the gates, as far as it is there. */
export interface RunState {
  readonly run: GateRun;
  readonly batchName: string;
  readonly batch: RolloutBatch | undefined;
}

export interface TaskPlan {
  readonly create: readonly NewObject<RolloutBatch>[];
  /** Batches whose spec.suspend is not that of the task. */
  readonly change: readonly RolloutBatch[];
  /** Batches of a former version of the task. */
  readonly remove: readonly RolloutBatch[];
  readonly runs: readonly RunState[];
}

/**
 * Pure: from a task and its batches to what is to be done. Batches are named after the task's digest:
 * another task is judged anew, and nothing is run twice because something else changed.
 *
 * @param batches Those that the task controls, by uid.
 */
export function planTask(
  task: ClawTask,
  frozen: FrozenTask,
  batches: readonly RolloutBatch[],
): TaskPlan {
  const { suspend } = task.spec;
  const plans = frozen.facts.problems.length === 0 ? gateRuns(frozen.facts) : [];
  const wanted = plans.map((plan) => ({ plan, name: runName(task, frozen, plan.run) }));
  const names = new Set(wanted.map(({ name }) => name));
  const runs = wanted.map(({ plan, name }): RunState => {
    const batch = batches.find(({ metadata }) => metadata.name === name);
    return { run: plan.run, batchName: name, batch };
  });
  const missing = runs
    .filter(({ batch }) => batch === undefined)
    .map(({ batchName: name }) => name);
  return {
    create: suspend
      ? []
      : wanted
          .filter(({ name }) => missing.includes(name))
          .map(({ plan, name }) => runBatch(task, frozen, plan, name)),
    change: runs.flatMap(({ batch }) =>
      batch === undefined || isGoing(batch) || isOver(batch) || batch.spec.suspend === suspend
        ? []
        : [batch],
    ),
    remove: batches.filter((batch) => !names.has(batch.metadata.name) && !isGoing(batch)),
    runs,
  };
}

/** What is to be said of a run that has no rows yet. */
export function runVerdict({ batch, batchName: name }: RunState, suspended: boolean): Verdict {
  if (batch === undefined || isGoing(batch))
    return suspended
      ? unknown('Suspended', 'spec.suspend is true; set it to false to run the gates')
      : unknown('Waiting', 'the run has not begun');
  const conditions = batch.status?.conditions;
  const failure = findCondition(conditions, 'Failed');
  if (failure?.status === 'True')
    return unknown(
      'RunFailed',
      `RolloutBatch ${name} failed: ${failure.message}; run the gate again: kubectl delete rolloutbatch ${placeOf(batch)}`,
    );
  if (batch.spec.suspend)
    return unknown('Suspended', 'spec.suspend is true; set it to false to run the gates');
  const stalled = findCondition(conditions, 'Stalled');
  if (stalled?.status === 'True')
    return unknown('RunStalled', `RolloutBatch ${name}: ${stalled.message}`);
  const { decided = 0, planned } = batch.status?.rollouts ?? {};
  const progress = planned === undefined ? 'is planned' : `has ${decided} of ${planned} rollouts`;
  return unknown('Running', `RolloutBatch ${name} ${progress}`);
}

function runName({ metadata }: ClawTask, { facts }: FrozenTask, run: GateRun): string {
  return batchName(metadata, `${run}-${facts.digest.slice(0, DIGITS)}`);
}

/** Everything that is not said here has the default that the API server would fill in. */
function runBatch(
  task: ClawTask,
  { taskSet, facts }: FrozenTask,
  { run, agent, samples }: RunPlan,
  name: string,
): NewObject<RolloutBatch> {
  return {
    metadata: {
      name,
      namespace: task.metadata.namespace,
      labels: {
        'app.kubernetes.io/part-of': 'clawgym',
        'app.kubernetes.io/managed-by': 'clawgym-operator',
        [TASK_LABEL]: labelValue(task.metadata.name),
        [RUN_LABEL]: run,
      },
      ownerReferences: [controllerRef(task)],
    },
    spec: rolloutBatch.spec.parse({
      tasks: { digest: taskSet, taskIds: [facts.id] },
      agent,
      samples,
    }),
  };
}

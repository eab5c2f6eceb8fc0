import {
  type Condition,
  type ConditionState,
  findCondition,
} from '../../kube/objects/conditions.ts';
import { isOver } from '../shared/life.ts';
import { runCondition } from '../shared/vocabulary.ts';
import type { ArmState } from './plan.ts';
import type { BenchView } from './status.ts';

/** Whether every arm is planned, and what is in the way of the first one that is not. */
export function planned({ plan }: BenchView): ConditionState {
  const type = 'Planned';
  const { arms, taskSet, problem } = plan;
  if (problem !== undefined) return { type, status: 'False', ...problem };
  for (const { arm, batch, batchName } of arms) {
    const condition = findCondition(batch?.status?.conditions, type);
    if (condition?.status === 'True') continue;
    // What an arm waits for, its own words say best.
    if (condition !== undefined) return about(arm.name, condition);
    const message =
      batch === undefined
        ? `arm ${arm.name} is not begun yet`
        : `arm ${arm.name}: RolloutBatch ${batchName} is not planned yet`;
    return {
      type,
      status: 'Unknown',
      reason: 'Waiting',
      message,
    };
  }
  const rollouts = arms.map(({ batch }) => batch?.status?.rollouts?.planned ?? 0);
  const total = rollouts.reduce((one, other) => one + other, 0);
  return {
    type,
    status: 'True',
    reason: 'TaskSetFrozen',
    message: `${count(arms.length, 'arm')}, ${count(total, 'rollout')}, task set ${taskSet?.slice(0, 12) ?? 'unknown'}`,
  };
}

/** What the bench is doing: its reason is the column STATUS. */
export function progressing(
  view: BenchView,
  end: 'complete' | 'failed' | undefined,
): ConditionState {
  const { plan, trouble } = view;
  const type = 'Progressing';
  const no = (reason: string, message: string): ConditionState => ({
    ...{ type, status: 'False', reason, message },
  });
  if (end === 'complete') return no('Complete', 'every arm is complete');
  if (end === 'failed') return no('Failed', plan.failure?.message ?? '');
  const { suspended, state } = suspension(view);
  if (suspended) return no('Suspended', state.message);
  if (plan.problem !== undefined) return no(plan.problem.reason, plan.problem.message);
  if (trouble !== undefined) return no(trouble.reason, trouble.message);
  const held = heldUp(plan.arms);
  if (held !== undefined) return no(held.reason, held.message);
  return { type, status: 'True', ...doing(view) };
}

function doing({ plan: { arms, allOver, failure } }: BenchView): {
  readonly reason: string;
  readonly message: string;
} {
  const over = arms.filter(({ batch }) => batch !== undefined && isOver(batch)).length;
  const message = `${over} of ${count(arms.length, 'arm')} done${stuck(arms)}`;
  if (allOver) return { reason: 'Finishing', message: `${message}; results are being stored` };
  if (failure !== undefined) return { reason: 'Stopping', message: failure.message };
  const begun = arms.some(({ batch }) => batch?.status?.startTime !== undefined);
  return { reason: begun ? 'Running' : 'Planning', message };
}

const UNPLANNED: ReadonlySet<string> = new Set(['Blocked', 'WaitingForModel', 'WaitingForTasks']);

/** The first arm that has not begun because something else has to come first, beside others at work. */
function stuck(arms: readonly ArmState[]): string {
  for (const { arm, batch } of arms) {
    const condition = findCondition(batch?.status?.conditions, 'Progressing');
    if (condition !== undefined && UNPLANNED.has(condition.reason))
      return `; ${about(arm.name, condition).message}`;
  }
  return '';
}

/** Nothing goes on: an arm is held up, and no other one makes progress. */
function heldUp(arms: readonly ArmState[]): ConditionState | undefined {
  const live = arms.filter(({ batch }) => batch !== undefined && !isOver(batch));
  const said = live.map(({ arm, batch }) => ({
    name: arm.name,
    condition: findCondition(batch?.status?.conditions, 'Progressing'),
  }));
  if (said.some(({ condition }) => condition?.status !== 'False')) return undefined;
  const [first] = said;
  return first?.condition === undefined ? undefined : about(first.name, first.condition);
}

/** Suspended by the bench itself, or every arm by somebody else, such as a queue. */
export function suspension({ bench, plan }: BenchView): {
  readonly suspended: boolean;
  readonly state: ConditionState;
} {
  const type = 'Suspended';
  if (bench.spec.suspend && !plan.allOver) {
    const message = 'spec.suspend is true; set it to false to go on';
    return {
      suspended: true,
      state: { type, status: 'True', reason: 'SuspendRequested', message },
    };
  }
  const live = plan.arms.filter(({ batch }) => batch !== undefined && !isOver(batch));
  const said = live.map(({ arm, batch }) => ({
    name: arm.name,
    condition: findCondition(batch?.status?.conditions, type),
    own: batch?.spec.suspend === true,
  }));
  const [first] = said;
  if (
    first?.condition !== undefined &&
    said.every(({ condition, own }) => condition?.reason === 'JobSuspended' && !own)
  )
    return { suspended: true, state: about(first.name, first.condition) };
  return {
    suspended: false,
    state: runCondition('Suspended', 'False', 'NotSuspended'),
  };
}

/** What an arm found out about its surroundings holds for the bench: the worst answer first. */
export function passedOn(arms: readonly ArmState[]): readonly ConditionState[] {
  return ['NetworkIsolated', 'SourceChanged'].flatMap((type) => {
    const said = arms.flatMap(({ arm, batch }) => {
      const condition = findCondition(batch?.status?.conditions, type);
      return condition === undefined ? [] : [{ name: arm.name, condition }];
    });
    const order =
      type === 'NetworkIsolated' ? ['False', 'Unknown', 'True'] : ['True', 'Unknown', 'False'];
    const worst = order
      .map((status) => said.find(({ condition }) => condition.status === status))
      .find((found) => found !== undefined);
    return worst === undefined ? [] : [about(worst.name, worst.condition)];
  });
}

function about(arm: string, { type, status, reason, message }: Condition): ConditionState {
  return { type, status, reason, message: message === '' ? '' : `arm ${arm}: ${message}` };
}

const count = (number: number, what: string): string =>
  `${number} ${what}${number === 1 ? '' : 's'}`;

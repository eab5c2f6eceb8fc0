import { GATES, type Gate } from '../../../src/rollouts/gates/gate-runs.ts';
import type { Verdict } from '../../../src/rollouts/gates/verdict.ts';
import type { Condition, ConditionState } from '../../kube/objects/conditions.ts';
import { conditionList } from '../shared/condition-list.ts';
import type { ClawTask } from '../shared/kinds.ts';
import { runCondition } from '../shared/vocabulary.ts';
import type { FrozenTask } from './plan.ts';

type Status = NonNullable<ClawTask['status']>;
export type GateVerdicts = Readonly<Record<Gate, Verdict>>;

/** Reasons of a gate that will have an answer by itself. */
const OPEN: ReadonlySet<string> = new Set(['Waiting', 'Running', 'ServerUnavailable']);

/** Pure: the whole status from what the gates say. */
export function taskStatus(
  task: ClawTask,
  frozen: FrozenTask | undefined,
  verdicts: GateVerdicts,
  nowMs: number,
): Status {
  const { generation } = task.metadata;
  const agentCode = frozen?.facts.agentCode;
  const gates = GATES.map((type): ConditionState => ({ type, ...verdicts[type] }));
  const count = gates.filter(({ status }) => status === 'True').length;
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    ...(frozen === undefined ? {} : { digest: frozen.facts.digest }),
    ...(agentCode === undefined || agentCode === 'unknown' ? {} : { agentCode }),
    gates: `${count}/${GATES.length}`,
    conditions: list(task.status?.conditions, gates, generation, nowMs),
  };
}

function list(
  before: readonly Condition[] | undefined,
  gates: readonly ConditionState[],
  generation: number | undefined,
  nowMs: number,
): Condition[] {
  const ready = readiness(gates);
  const open = gates.some(({ status, reason }) => status === 'Unknown' && OPEN.has(reason));
  const held = gates.find(({ reason }) => reason === 'RunStalled');
  const resting = gates.some(({ reason }) => reason === 'Suspended');
  const working = open && held === undefined && !resting;
  const stuck = held !== undefined || (ready.status !== 'True' && !working && !resting);
  const states: readonly ConditionState[] = [
    ready,
    ...gates,
    working
      ? runCondition('Reconciling', 'True', 'InProgress', ready.message)
      : runCondition('Reconciling', 'False', 'Idle'),
    stuck
      ? runCondition('Stalled', 'True', 'NeedsAction', held?.message ?? ready.message)
      : runCondition('Stalled', 'False', 'NotStalled'),
  ];
  return conditionList(before, states, generation, nowMs);
}

/** The summary: the first gate that failed, else the first without an answer. */
function readiness(gates: readonly ConditionState[]): ConditionState {
  const type = 'Ready';
  const bad = gates.find(({ status }) => status === 'False');
  if (bad !== undefined) return { type, status: 'False', ...naming(bad) };
  const open = gates.filter(({ status }) => status === 'Unknown');
  // What only waits says less than what waits for somebody.
  const [first] = open.toSorted((one, other) => weight(one) - weight(other));
  if (first !== undefined) return { type, status: 'Unknown', ...naming(first) };
  return {
    type,
    status: 'True',
    reason: 'AllGatesPassed',
    message: `${gates.length} of ${gates.length} gates passed`,
  };
}

const weight = ({ reason }: ConditionState): number => {
  if (reason === 'Waiting') return 2;
  return OPEN.has(reason) ? 0 : 1;
};

const naming = ({
  type,
  reason,
  message,
}: ConditionState): Pick<Verdict, 'reason' | 'message'> => ({
  reason,
  message: `${type}: ${message}`,
});

import type { BatchState } from '../../../src/protocol/operator-api.ts';
import type { ConditionState } from '../../kube/objects/conditions.ts';
import { findCondition } from '../../kube/objects/conditions.ts';
import { MORE_ROOM, STORE_FULL } from '../shared/next-steps.ts';
import { servesLater } from '../shared/policy/plan-policy.ts';
import { runCondition } from '../shared/vocabulary.ts';
import type { StatusInput } from './status-input.ts';

/**
 * What the batch is doing, or why it does nothing: the first that holds, what a person has to know
 * first. Without numbers: those stand in the fields beside it and change all the time.
 */
export function progressing(input: StatusInput, over: boolean): ConditionState {
  if (over) return ended(input);
  const { forbidden, hindrance, mode, pods, state, storeFull } = input;
  if (hindrance?.kind === 'server')
    return runCondition(
      'Progressing',
      'Unknown',
      'ServerUnavailable',
      serverAway(hindrance.message),
    );
  if (hindrance?.kind === 'protocol')
    return runCondition('Progressing', 'False', 'ServerIncompatible', hindrance.message);
  if (hindrance?.kind === 'planning')
    return runCondition('Progressing', 'False', 'Blocked', hindrance.message);
  if (mode === 'stop') return runCondition('Progressing', 'True', 'Stopping');
  if (hindrance?.kind === 'reading')
    return runCondition('Progressing', 'True', 'Planning', hindrance.message);
  // Whatever it waits for goes on or not: of this run nothing does.
  if (hindrance?.kind === 'waiting')
    return runCondition('Progressing', 'False', hindrance.reason, hindrance.message);
  if (state === undefined) return runCondition('Progressing', 'True', 'Planning');
  if (mode === 'pause') return runCondition('Progressing', 'False', 'Suspended');
  const changed = agentChanged(state);
  if (changed !== undefined) return runCondition('Progressing', 'False', 'AgentChanged', changed);
  const held = modelHeld(state);
  if (held !== undefined) return held;
  if (forbidden !== undefined)
    return runCondition('Progressing', 'False', forbidden.reason, forbidden.message);
  const unserved = modelNotServed(input);
  if (unserved !== undefined) return unserved;
  const image = pods.find((pod) => !pod.over && pod.imageProblem !== undefined)?.imageProblem;
  if (image !== undefined) return runCondition('Progressing', 'False', 'ImagePullFailing', image);
  const queued = queue(input);
  if (queued !== undefined) return queued;
  const unplaced = pods.find((pod) => !pod.over && pod.unschedulable !== undefined);
  if (unplaced !== undefined && !pods.some(isPlaced))
    return runCondition('Progressing', 'False', 'Unschedulable', unplaced.unschedulable);
  if (storeFull && state.waiting.length > 0)
    return runCondition('Progressing', 'False', 'StoreFull', STORE_FULL);
  return withStore(working(input), input);
}

/** Nothing stands still for it yet: it is said beside what the run does. */
function withStore(state: ConditionState, { storeFilling }: StatusInput): ConditionState {
  if (!storeFilling) return state;
  const words = `The store of the server is at least 85 % full; from 95 % on nothing new starts: ${MORE_ROOM}.`;
  return { ...state, message: `${state.message} ${words}` };
}

function ended({ batch, mode }: StatusInput): ConditionState {
  const failing = mode === 'stop' || findCondition(batch.status?.conditions, 'FailureTarget');
  return runCondition('Progressing', 'False', failing ? 'Failed' : 'Complete');
}

/** Why nothing new starts any more, where something would; two harnesses never run in one batch. */
function agentChanged({ agentChanged: change, pending }: BatchState): string | undefined {
  if (change === undefined || pending === 0) return undefined;
  const { frozen, now } = change;
  return `nothing new starts: the run was planned with ${frozen}, and this release of ClawGym holds ${now}. Go back to the release before to finish it (helm rollback), or create another run`;
}

/** Why rollouts do not start, where the server asks the model first. */
function modelHeld({ modelHold }: BatchState): ConditionState | undefined {
  if (modelHold === undefined) return undefined;
  const { reason, message } = modelHold;
  return runCondition('Progressing', reason === 'AskingModel' ? 'True' : 'False', reason, message);
}

function modelNotServed({ model, state }: StatusInput): ConditionState | undefined {
  if (model === undefined || model.status === 'True' || model.reason === 'NotNeeded')
    return undefined;
  if (state !== undefined && state.pending === 0) return undefined;
  const status = servesLater(model) ? 'True' : 'False';
  return runCondition('Progressing', status, 'ModelNotServed', model.message);
}

function serverAway(message: string): string {
  return `the server gives no answer, and is asked again; pods that run go on: ${message}`;
}

function queue({ batch, jobs }: StatusInput): ConditionState | undefined {
  const { queueName } = batch.spec.sandbox;
  const waiting = jobs.find((job) => job.suspended !== undefined && !job.finished);
  if (queueName === undefined || waiting === undefined) return undefined;
  const words = waiting.suspended === '' ? '' : `: ${waiting.suspended}`;
  const message = `Job ${waiting.name} waits in queue ${queueName}${words}`;
  return runCondition('Progressing', 'False', 'Queued', message);
}

/** On a node that answers: what else waits is then a matter of time. */
function isPlaced({ over, stuck, unschedulable }: StatusInput['pods'][number]): boolean {
  return !over && !stuck && unschedulable === undefined;
}

function working({ batch, jobs, pods, state }: StatusInput): ConditionState {
  if (state === undefined) return runCondition('Progressing', 'True', 'Planning');
  if (state.decided === state.planned) return runCondition('Progressing', 'True', 'Finishing');
  if (state.active > 0 || (state.attempts > 0 && state.pending > 0))
    return runCondition(
      'Progressing',
      'True',
      'Running',
      fixedPlaces(batch.spec, jobs) ?? shortOfRoom(pods),
    );
  if (state.verifying > 0) return runCondition('Progressing', 'True', 'Verifying');
  return runCondition('Progressing', 'True', 'Starting', fixedPlaces(batch.spec, jobs));
}

function shortOfRoom(pods: StatusInput['pods']): string | undefined {
  return pods.some((pod) => !pod.over && pod.unschedulable !== undefined)
    ? 'Agents are at work; some pods wait for room on the nodes.'
    : undefined;
}

/** A queue admits a Job with its parallelism: a new value holds from the next Job on. */
function fixedPlaces(
  { parallelism, sandbox }: StatusInput['batch']['spec'],
  jobs: StatusInput['jobs'],
): string | undefined {
  if (sandbox.queueName === undefined || parallelism === undefined) return undefined;
  const other = jobs.find((job) => !job.finished && job.parallelism > parallelism);
  if (other === undefined) return undefined;
  return `spec.parallelism is ${parallelism} now; Job ${other.name} was admitted by queue ${sandbox.queueName} with ${other.parallelism} and keeps it, the next Job gets the new value`;
}

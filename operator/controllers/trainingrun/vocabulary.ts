import type { ConditionState } from '../../kube/objects/conditions.ts';

/** Every condition of a TrainingRun with its reasons and what they mean; as `RUN_VOCABULARY`. */
const TRAINING_VOCABULARY = {
  Planned: {
    InputsFrozen: 'Base, data and template are frozen to the digests in status.inputs.',
    Waiting: 'What the run begins with is not there yet.',
    RuntimeNotFound: 'The runtime does not exist.',
    RuntimeForbidden: 'The operator may not read the runtime.',
    RuntimeUnfit: 'The run asks for more than the runtime can.',
    BaseNotFound: 'The base model cannot be had.',
    DataNotFound: 'The training data cannot be had.',
    TasksNotFound: 'The tasks of the reinforcement cannot be had.',
    PlanRefused: 'The server refused the run; its message names the field.',
    NamespaceNotPrepared: 'Service account or network policies could not be applied.',
    ServerUnavailable: 'The server could not be asked.',
    ServerIncompatible: 'Operator and server are of releases that do not understand each other.',
  },
  Progressing: {
    Planning: 'The inputs are found and frozen.',
    Starting: 'The pods get their inputs; the trainer has not started yet.',
    Training: 'The trainer is at work.',
    Sampling: 'A RolloutBatch plays with the newest policy; the trainer waits for its tokens.',
    Restarting: 'A start ended before its time; the next one goes on from the newest checkpoint.',
    Queued: 'A queue has not admitted the Job yet.',
    Unschedulable: 'The scheduler finds no room for a pod; waiting has no deadline.',
    PodsForbidden: 'Quota, limit range or policy refuses pods.',
    JobsForbidden: 'The API server refuses the Job, or its name is taken.',
    BatchesForbidden: 'The API server refuses a RolloutBatch, or its name is taken.',
    RolloutsBlocked: 'A RolloutBatch of the run cannot go on before somebody does something.',
    ImagePullFailing: 'An image cannot be pulled.',
    StoreFull: 'The store of the server is at least 95 % full, so nothing new starts.',
    ServerUnavailable: 'The server gives no answer; a running trainer goes on meanwhile.',
    ServerIncompatible:
      'Operator and server are of releases that do not understand each other, so nothing new starts.',
    Blocked: 'The run cannot be planned before somebody does something; see Planned.',
    Suspended: 'Nothing trains, because spec.suspend is true; set it to false to go on.',
    Stopping: 'The run has failed; what still runs is ended.',
    Finishing: 'The model is stored; pods are still ending.',
    Complete: 'The run has come to its end.',
    Failed: 'The run has failed.',
  },
  Suspended: {
    NotSuspended: 'Nothing suspends the run.',
    SuspendRequested: 'spec.suspend is true and nothing trains any more.',
    Suspending: 'spec.suspend is true; the trainer writes its last checkpoint.',
    JobSuspended: 'Somebody else suspended the Job, for example a queue.',
    Finished: 'The run is over.',
  },
  Complete: { ModelStored: 'The model is in the artifact store.' },
  Reconciling: {
    InProgress: 'The run goes on.',
    Idle: 'The controller waits for a change.',
  },
  Stalled: {
    NotStalled: 'Nothing holds the run up.',
    NeedsAction: 'Somebody has to do something; the message says what.',
    RunFailed: 'The run has failed.',
  },
} as const;

type Vocabulary = typeof TRAINING_VOCABULARY;
export type TrainingCondition = keyof Vocabulary;
export type TrainingReason<T extends TrainingCondition> = Extract<keyof Vocabulary[T], string>;

/** A condition with one of the reasons of its type; without a message, what the reason means. */
export function trainingCondition<T extends TrainingCondition>(
  type: T,
  status: ConditionState['status'],
  reason: TrainingReason<T>,
  message?: string,
): ConditionState {
  const meanings: Readonly<Record<string, string>> = TRAINING_VOCABULARY[type];
  return { type, status, reason, message: message ?? meanings[reason] ?? '' };
}

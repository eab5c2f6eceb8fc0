import type { ConditionState } from '../../kube/objects/conditions.ts';

/** Every condition of a SynthesisJob with its reasons and what they mean; as `RUN_VOCABULARY`. */
const SYNTHESIS_VOCABULARY = {
  Planned: {
    JobFrozen: 'Specification, seeds and prompts are frozen.',
    Waiting: 'Planning has not come to an end yet.',
    SeedsNotFound: 'A named ConfigMap, or a key of it, does not exist.',
    PlanRefused: 'The server refused the job; its message names the field.',
    ServerUnavailable: 'The server could not be asked.',
    ServerIncompatible: 'Operator and server are of releases that do not understand each other.',
  },
  Progressing: {
    Planning: 'Seeds are read and the job is frozen.',
    Starting: 'The worker is started; no record has been begun yet.',
    Running: 'Records go through their stages.',
    Unschedulable: 'The scheduler finds no room for the worker; waiting has no deadline.',
    PodsForbidden: 'Quota, limit range or policy refuses pods.',
    JobsForbidden: 'The API server refuses the Job or a RolloutBatch, or its name is taken.',
    ImagePullFailing: 'The image of the worker cannot be pulled.',
    NamespaceNotReady: 'The namespace does not take the pods of gate runs.',
    AskingModel: 'The endpoint of a model is asked for one token; nothing starts before.',
    UpstreamUnfit: 'The Secret of a model is missing or unfit.',
    UpstreamRefused: 'The endpoint of a model refuses a first call or gives no answer.',
    WorkerFailing: 'The worker cannot go on; it is started again, and loses nothing.',
    GatesStalled: 'Gate runs wait for somebody to do something.',
    StoreFull: 'The store of the server is at least 95 % full, so nothing new starts.',
    ServerUnavailable: 'The server gives no answer.',
    ServerIncompatible:
      'Operator and server are of releases that do not understand each other, so nothing new starts.',
    Blocked: 'The job cannot be planned before somebody does something; see Planned.',
    Suspended: 'Nothing runs, because spec.suspend is true; set it to false to go on.',
    Stopping: 'The job has failed; what still runs is ended.',
    Finishing: 'Every record has ended; pods are still ending.',
    Complete: 'The job has come to its end.',
    Failed: 'The job has failed.',
  },
  Suspended: {
    NotSuspended: 'Nothing suspends the job.',
    SuspendRequested: 'spec.suspend is true and nothing runs any more.',
    Suspending: 'spec.suspend is true and pods are still ending.',
    Finished: 'The job is over.',
  },
  Complete: {
    TargetReached: 'As many tasks as were wanted are accepted.',
    RecordsExhausted: 'As many records as spec.budgets.records allows were begun.',
    TokensExhausted: 'As many tokens as spec.budgets.tokens allows were used.',
  },
  Failed: {
    DeadlineExceeded: 'spec.activeDeadlineSeconds passed.',
    NothingAccepted: 'No record was accepted; status.rejections says why.',
    Cancelled: 'The job was ended.',
  },
  Reconciling: {
    InProgress: 'The job goes on.',
    Idle: 'The controller waits for a change.',
  },
  Stalled: {
    NotStalled: 'Nothing holds the job up.',
    NeedsAction: 'Somebody has to do something; the message says what.',
    RunFailed: 'The job has failed.',
  },
} as const;

type Vocabulary = typeof SYNTHESIS_VOCABULARY;
export type SynthesisCondition = keyof Vocabulary;
export type SynthesisReason<T extends SynthesisCondition> = Extract<keyof Vocabulary[T], string>;

/** A condition with one of the reasons of its type; without a message, what the reason means. */
export function synthesisCondition<T extends SynthesisCondition>(
  type: T,
  status: ConditionState['status'],
  reason: SynthesisReason<T>,
  message?: string,
): ConditionState {
  const meanings: Readonly<Record<string, string>> = SYNTHESIS_VOCABULARY[type];
  return { type, status, reason, message: message ?? meanings[reason] ?? '' };
}

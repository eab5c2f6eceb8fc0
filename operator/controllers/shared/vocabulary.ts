import type { ConditionState } from '../../kube/objects/conditions.ts';

/**
 * Every condition that a run shows and every reason that it may have, with what it means. Reasons are
 * for programs and never change their meaning; messages are made where the facts are and end with what
 * to do, where there is something to do.
 */
export const RUN_VOCABULARY = {
  Planned: {
    about: 'Whether the tasks are frozen and the namespace can run them.',
    reasons: {
      TaskSetFrozen: 'The tasks were read once and are kept under the digest in status.taskSet.',
      Waiting: 'Planning has not come to an end yet.',
      ReadingSource: 'A pod reads the tasks from a volume.',
      WaitingForTasks:
        'The SynthesisJob whose tasks are named has no task set yet; False where it does not go on by itself.',
      WaitingForModel:
        'The TrainingRun whose model is named is not complete yet; False where it does not go on by itself.',
      SourceUnsupported: 'The kind of task source cannot be read in a cluster.',
      SourceNotFound: 'The named source, or a task in it, does not exist.',
      SourceRefused: 'The named source is there, and tasks cannot be taken from it.',
      ModelNotFound: 'The TrainingRun that the model is named by does not exist or has failed.',
      PlanRefused: 'The server refused spec or tasks; its message names the field.',
      NamespaceNotRestricted: 'The namespace does not enforce the Pod Security level restricted.',
      PodRefused: 'The API server would not admit a sandbox pod in this namespace.',
      NamespaceNotPrepared: 'Service account or network policies could not be applied.',
      ServerUnavailable: 'The server could not be asked.',
      ServerIncompatible: 'Operator and server are of releases that do not understand each other.',
    },
  },
  Progressing: {
    about: 'What the run is doing, or why it is not.',
    reasons: {
      Planning: 'The tasks are read and frozen.',
      WaitingForTasks: 'The SynthesisJob whose tasks are named has no task set yet; see Planned.',
      WaitingForModel: 'The TrainingRun whose model is named is not complete yet; see Planned.',
      Starting: 'Jobs are made; no agent has started yet.',
      Running: 'Agents are at work.',
      Verifying: 'Agents are done; verdicts are awaited.',
      AskingModel: 'The endpoint of the model is asked for one token; nothing starts before.',
      UpstreamUnfit: 'The Secret of the model is missing or unfit, so nothing starts.',
      UpstreamRefused:
        'The endpoint of the model refuses a first call or gives no answer, so nothing starts.',
      ModelNotServed: 'Agents wait for a model of ours; see ModelServed.',
      Queued: 'A queue has not admitted the Jobs yet.',
      Unschedulable: 'The scheduler finds no room for any pod; waiting has no deadline.',
      PodsForbidden: 'Quota, limit range or policy refuses pods.',
      JobsForbidden: 'The API server refuses Jobs, or the name of one is taken.',
      ImagePullFailing: 'An image cannot be pulled.',
      StoreFull: 'The store of the server is at least 95 % full, so nothing new starts.',
      ServerUnavailable: 'The server gives no answer; running agents go on meanwhile.',
      ServerIncompatible:
        'Operator and server are of releases that do not understand each other, so nothing new starts.',
      AgentChanged:
        'This release holds another harness than the run was planned with, so nothing new starts.',
      Blocked: 'Planning cannot go on before somebody does something; see Planned.',
      Suspended: 'Nothing runs, because spec.suspend is true; set it to false to go on.',
      Stopping: 'The run has failed; what still runs is ended.',
      Finishing: 'Everything is decided; results are written.',
      Complete: 'The run has come to its end.',
      Failed: 'The run has failed.',
    },
  },
  ModelServed: {
    about: 'Whether the model of ours that answers the agents is served. Absent for other models.',
    reasons: {
      Starting: 'A policy pod is made; it fetches the model and reads it.',
      Served: 'The policy pod answers, and answers as the record of the model says.',
      Unschedulable: 'The scheduler finds no room for the policy pod, for example no GPU.',
      ImagePullFailing: 'An image of the policy pod cannot be pulled.',
      PodRefused: 'The API server refuses the policy pod.',
      PodFailed: 'The policy pod ended; another one is made, after longer pauses each time.',
      CanaryFailed: 'The policy pod answers, and not as the record of the model says.',
      RuntimeNotFound: 'There is no such runtime.',
      RuntimeForbidden: 'The operator may not read the runtime.',
      RuntimeUnsuited: 'The runtime has no policy server.',
      NotNeeded: 'Nothing runs that needs the model; its pod is gone.',
    },
  },
  Suspended: {
    about: 'Whether the run stands still on purpose.',
    reasons: {
      NotSuspended: 'Nothing suspends the run.',
      SuspendRequested: 'spec.suspend is true and nothing runs any more.',
      Suspending: 'spec.suspend is true and pods are still ending.',
      JobSuspended: 'Somebody else suspended a Job, for example a queue.',
      Finished: 'The run is over.',
    },
  },
  NetworkIsolated: {
    about: 'What a sandbox can reach, as far as it was probed.',
    reasons: {
      PoliciesApplied: 'The network policies are there; no probe has run.',
      NotProbed: 'The network policies are not applied yet.',
      Probed: 'A probe reached only what it may reach.',
      Reachable: 'A probe reached what it may not reach; the network plugin enforces no policies.',
      OwnNodeReachable: 'A probe reached its own node, which many network plugins allow.',
      GatewayUnreachable: 'A probe did not reach the server either, so it proves nothing.',
      ProbeFailed: 'The probe could not run or left no answer.',
    },
  },
  SourceChanged: {
    about: 'Whether the task source differs from the frozen set. The run keeps to the frozen set.',
    reasons: {
      NotFrozen: 'Nothing is frozen yet.',
      Unchanged: 'The source gives the tasks that were frozen, as far as it was read again.',
      SourceDrifted: 'The source gives other tasks now.',
      SourceGone: 'The source cannot be read any more.',
    },
  },
  SuccessCriteriaMet: {
    about: 'Every rollout is decided; pods may still be ending.',
    reasons: { AllDecided: 'Every rollout has an outcome.' },
  },
  Complete: {
    about: 'Every rollout is decided, the results are stored and nothing runs.',
    reasons: { AllDecided: 'Every rollout has an outcome and the results are stored.' },
  },
  FailureTarget: {
    about: 'The run will fail; pods may still be ending.',
    reasons: { DeadlineExceeded: 'spec.activeDeadlineSeconds passed.' },
  },
  Failed: {
    about: 'The run has failed and nothing runs.',
    reasons: { DeadlineExceeded: 'spec.activeDeadlineSeconds passed.' },
  },
  Reconciling: {
    about: 'True while the controller works on the object (kstatus).',
    reasons: {
      InProgress: 'The run goes on.',
      Idle: 'The controller waits for a change.',
    },
  },
  Stalled: {
    about: 'True where the run cannot go on by itself (kstatus).',
    reasons: {
      NotStalled: 'Nothing holds the run up.',
      NeedsAction: 'Somebody has to do something; the message says what.',
      RunFailed: 'The run has failed.',
    },
  },
} as const;

type Vocabulary = typeof RUN_VOCABULARY;
export type RunCondition = keyof Vocabulary;
export type RunReason<T extends RunCondition> = Extract<keyof Vocabulary[T]['reasons'], string>;

/** A condition with one of the reasons of its type; without a message, what the reason means. */
export function runCondition<T extends RunCondition>(
  type: T,
  status: ConditionState['status'],
  reason: RunReason<T>,
  message?: string,
): ConditionState {
  return { type, status, reason, message: message ?? meaningOf(type, reason) };
}

function meaningOf(type: RunCondition, reason: string): string {
  const reasons: Readonly<Record<string, string>> = RUN_VOCABULARY[type].reasons;
  return reasons[reason] ?? '';
}

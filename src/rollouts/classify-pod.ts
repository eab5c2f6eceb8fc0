import type { AgentEnd } from './outcome.ts';
import {
  containerOf,
  disruption,
  evictedForOwnUse,
  hadItsTime,
  type Interruption,
  infra,
  isOver,
  type PodFacts,
  ranAndEnded,
  ranSeconds,
} from './pod-facts.ts';
import { hasFailed, neverStarted, outset, type PodParts } from './pod-outset.ts';

/** What is known of an attempt beside its pod. */
export interface RolloutPodFacts {
  /** The attempt has its end: the agent ended and its workspace is safe, or was refused. */
  readonly ended: boolean;
  /** Why its model was lost, where it was: an infrastructure failure, whatever the agent did. */
  readonly modelLost: 'LinkLost' | 'UpstreamFailed' | undefined;
  /** The companion's report where it ended nothing: the wrapper was stopped, or left no valid report. */
  readonly held: { readonly workspace: 'present' | 'refused' | 'missing' } | undefined;
  /** The gateway ended the episode. */
  readonly budgetEnded: boolean;
  /** The agent's own deadline: its pod's allows for slow pulls and waiting, which are not its doing. */
  readonly agentSeconds: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export type RolloutPodClass =
  /** Not over: ask again. */
  | { readonly class: 'running' }
  /** The attempt's own rows say it all. */
  | { readonly class: 'ended' }
  /** Stage was told that there is nothing to do, or to wait: never an attempt. */
  | { readonly class: 'unclaimed' }
  /** The held workspace stands, and this is how the agent ended. */
  | { readonly class: 'end'; readonly agent: AgentEnd }
  /** The agent's own result without a workspace: decided with score 0. */
  | {
      readonly class: 'agent_error' | 'agent_timeout';
      readonly reason: string;
      readonly message: string;
    }
  | Interruption;

const [STAGE, AGENT] = ['stage', 'agent'] as const;
const PARTS: PodParts = {
  first: { name: STAGE, failure: 'StageFailed' },
  sidecar: { name: 'companion', failure: 'CompanionFailed' },
  main: AGENT,
};

/**
 * What a rollout pod means, by the first matching row of rollouts.md 5. `pod` undefined: it vanished
 * without leaving evidence. Run on watch events and again at claim time; the first row written wins.
 */
export function classifyRolloutPod(
  pod: PodFacts | undefined,
  facts: RolloutPodFacts,
): RolloutPodClass {
  if (facts.ended) return { class: 'ended' };
  // An endpoint that failed may have used the budget up; a link that was lost cannot have.
  if (facts.modelLost === 'UpstreamFailed') return infra(facts.modelLost);
  if (facts.budgetEnded && isKept(facts.held)) return budgetEnd(pod, facts.now);
  if (facts.modelLost !== undefined) return infra(facts.modelLost);
  if (pod === undefined) return disruption('EvidenceLost');
  const outside = outset(pod, PARTS, facts.now);
  if (outside !== undefined) return outside;
  if (evictedForOwnUse(pod) && isStaged(pod)) {
    return { class: 'agent_error', reason: 'DiskLimit', message: pod.message ?? '' };
  }
  const agent = ranAndEnded(containerOf(pod, AGENT));
  if (agent === undefined && !isRunning(pod)) return infra(neverStarted(pod, PARTS));
  return classifyEnded(pod, agent, facts);
}

const isKept = (held: RolloutPodFacts['held']): boolean =>
  held !== undefined && held.workspace !== 'missing';

/** The gateway had ended the episode, and the workspace is kept: nothing that came later counts. */
function budgetEnd(pod: PodFacts | undefined, now: number): RolloutPodClass {
  if (pod !== undefined && !isOver(pod, now)) return { class: 'running' };
  const ended = pod && ranAndEnded(containerOf(pod, AGENT));
  return { class: 'end', agent: { ...exitOf(ended), reason: 'Budget' } };
}

/** A pod that is gone or on a lost node may have been seen last while its agent ran. */
const isRunning = (pod: PodFacts): boolean => containerOf(pod, AGENT)?.state === 'running';

/**
 * False where stage shows that the agent's turn never came: what filled the disk was then ours. What is
 * no longer known of stage acquits no agent.
 */
function isStaged(pod: PodFacts): boolean {
  const stage = containerOf(pod, STAGE);
  if (stage === undefined) return true;
  if (stage.state !== 'terminated') return false;
  return !hasFailed(pod, STAGE) || stage.terminated?.reason === 'ContainerStatusUnknown';
}

function classifyEnded(
  pod: PodFacts,
  ended: ReturnType<typeof ranAndEnded>,
  { held, agentSeconds }: RolloutPodFacts,
): RolloutPodClass {
  const overtime = pod.reason === 'DeadlineExceeded';
  const atDeadline = overtime && hadItsTime(ended, agentSeconds);
  // Begun so late that its pod's time ended before its own: partial work is no result.
  if (overtime && !atDeadline && ended?.exitCode !== 0) return infra('PodDeadline');
  if (isKept(held)) {
    const reason = atDeadline ? 'Deadline' : ownReason(ended);
    return { class: 'end', agent: { ...exitOf(ended), reason } };
  }
  if (atDeadline) {
    const message = 'the agent ran until the deadline of its pod and left no workspace';
    return { class: 'agent_timeout', reason: 'PodDeadline', message };
  }
  return infra('SnapshotNeverArrived');
}

/**
 * The wrapper may have been stopped by its agent: where nothing outside of the pod ended it, an agent
 * that ended the wrapper has ended, by the code that the container shows.
 */
function ownReason(ended: ReturnType<typeof ranAndEnded>): AgentEnd['reason'] {
  return ended?.reason === 'OOMKilled' && ended.exitCode !== 0 ? 'MemoryLimit' : 'Exited';
}

function exitOf(ended: ReturnType<typeof ranAndEnded>): Omit<AgentEnd, 'reason'> {
  if (ended === undefined) return { exitCode: null, signal: 'SIGKILL', seconds: 0 };
  const seconds = ranSeconds(ended);
  // Container runtimes show a death by signal n as exit code 128 + n.
  if (ended.exitCode === 137) return { exitCode: null, signal: 'SIGKILL', seconds };
  return { exitCode: ended.exitCode, signal: null, seconds };
}

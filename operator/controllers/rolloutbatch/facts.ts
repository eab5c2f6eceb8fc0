import { SERVER_MARK } from '../../../src/engines/kubernetes/settings.ts';
import type { PodEvidence } from '../../../src/protocol/pod-evidence.ts';
import { isOver } from '../../../src/rollouts/pod-facts.ts';
import type { Job } from '../shared/kube-kinds.ts';
import { ENDING, LOWERED_AT } from '../shared/marks.ts';
import { deletionAskedAt, type SandboxPod } from '../shared/pods.ts';
import type { EndingCause, JobFact, PodFact } from './observed.ts';

/** A Job as decisions see it. */
export function jobFact(job: Job): JobFact {
  const { annotations, name, uid = '', deletionTimestamp } = job.metadata;
  const conditions = job.status?.conditions ?? [];
  const holds = (type: string) =>
    conditions.find((condition) => condition.type === type && condition.status === 'True');
  return {
    name,
    uid,
    parallelism: job.spec.parallelism ?? 1,
    finished: holds('Complete') !== undefined || holds('Failed') !== undefined,
    suspended: job.spec.suspend === true ? (holds('Suspended')?.message ?? '') : undefined,
    ending: endingOf(annotations?.[ENDING]),
    deleting: deletionTimestamp !== undefined,
    mark: annotations?.[SERVER_MARK],
  };
}

function endingOf(text: string | undefined): EndingCause | undefined {
  return text === 'paused' || text === 'deadline' || text === 'replaced' ? text : undefined;
}

interface PodFactContext {
  readonly now: number;
  readonly startDeadlineSeconds: number;
  readonly reported: boolean;
}

/** A pod as decisions see it: its evidence and what only the object says. */
export function podFact(
  evidence: PodEvidence,
  pod: SandboxPod,
  { now, startDeadlineSeconds, reported }: PodFactContext,
): PodFact {
  const { phase, gone } = evidence;
  const swept = phase === 'Succeeded' || phase === 'Failed';
  const over = isOver(evidence, now);
  const waits = evidence.containers.find(({ waitingReason = '' }) =>
    IMAGE_WORDS.test(waitingReason),
  );
  return {
    uid: evidence.podUid,
    name: evidence.podName,
    jobUid: evidence.jobUid,
    over,
    pending: phase === 'Pending' && !over && mainNeverRan(evidence),
    stuck: over && !gone && !swept,
    swept: swept && !gone && evidence.deletedAt === undefined,
    reported,
    unschedulable: unschedulableOf(pod),
    imageProblem: waits && imageWords(pod, waits.name, waits.waitingReason ?? ''),
    startOverdue: startOverdue(evidence, now, startDeadlineSeconds),
  };
}

const IMAGE_WORDS =
  /^(ErrImage|ImagePull|InvalidImageName|RegistryUnavailable|SignatureValidation)/;

function unschedulableOf({ status }: SandboxPod): string | undefined {
  const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status !== 'False' || scheduled.reason !== 'Unschedulable') return undefined;
  return scheduled.message ?? 'the scheduler gives no reason';
}

function imageWords({ status }: SandboxPod, name: string, reason: string): string {
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const message = all.find((each) => each.name === name)?.state?.waiting?.message;
  return message === undefined ? reason : `${reason}: ${message}`;
}

/** The untrusted container is the last one of every sandbox pod. */
function mainNeverRan({ containers }: PodEvidence): boolean {
  const main = containers.at(-1);
  return (
    main === undefined || (main.state !== 'running' && main.terminated?.startedAt === undefined)
  );
}

function late({ scheduledAt }: PodEvidence, at: number, startDeadlineSeconds: number): boolean {
  return scheduledAt !== undefined && at - Date.parse(scheduledAt) >= startDeadlineSeconds * 1000;
}

/**
 * Scheduled too long ago, and no container ever ran or an image cannot be pulled. A first container
 * that runs is our own, and its waits have a limit.
 */
function startOverdue(evidence: PodEvidence, now: number, startDeadlineSeconds: number): boolean {
  if (evidence.phase !== 'Pending' || evidence.deletedAt !== undefined) return false;
  if (!mainNeverRan(evidence) || !late(evidence, now, startDeadlineSeconds)) return false;
  const { containers } = evidence;
  const imageMissing = containers.some(({ waitingReason = '' }) => IMAGE_WORDS.test(waitingReason));
  const nothingRan = ({ state, terminated }: PodEvidence['containers'][number]): boolean =>
    state === 'waiting' && terminated?.startedAt === undefined;
  return imageMissing || containers.every(nothingRan);
}

/** A stamp has whole seconds, and the mark is written before the deletion. */
const LOWERING_MS = { before: 2000, after: 60_000 };

/**
 * Why the operator itself had a pod deleted, from marks that outlive it: the annotations of the Job,
 * and the condition by the Eviction API on a pod that missed its start deadline.
 *
 * @param job As last seen; undefined where it was gone before this process looked.
 */
export function deletedByUs(
  evidence: PodEvidence,
  pod: SandboxPod,
  job: Job | undefined,
  startDeadlineSeconds: number,
): PodEvidence['deletedByUs'] {
  const askedAt = deletionAskedAt(pod);
  if (askedAt === undefined && !evidence.gone) return undefined;
  if (evidence.disruption === 'EvictionByEvictionAPI') {
    const missed = askedAt !== undefined && late(evidence, askedAt, startDeadlineSeconds);
    return missed && mainNeverRan(evidence) ? 'startDeadline' : undefined;
  }
  if (evidence.disruption !== undefined) return undefined;
  const ending = endingOf(job?.metadata.annotations?.[ENDING]);
  if (ending !== undefined) return ending;
  const lowered = job?.metadata.annotations?.[LOWERED_AT];
  if (lowered === undefined || askedAt === undefined) return undefined;
  const since = askedAt - Date.parse(lowered);
  return since >= -LOWERING_MS.before && since <= LOWERING_MS.after ? 'parallelism' : undefined;
}

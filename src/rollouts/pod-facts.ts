/** What the classification needs of a container; protocol/pod-evidence.ts has it. */
export interface ContainerFacts {
  readonly name: string;
  readonly state: 'waiting' | 'running' | 'terminated';
  readonly waitingReason?: string | undefined;
  readonly terminated?:
    | {
        readonly exitCode: number;
        readonly signal?: number | undefined;
        readonly reason?: string | undefined;
        readonly startedAt?: string | undefined;
        readonly finishedAt?: string | undefined;
      }
    | undefined;
}

/** What the classification needs of a pod; protocol/pod-evidence.ts has it. */
export interface PodFacts {
  readonly phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown';
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
  /** Reason of a true condition DisruptionTarget. */
  readonly disruption?: string | undefined;
  /** metadata.deletionTimestamp: the request's time plus the grace period. */
  readonly deletedAt?: string | undefined;
  readonly gone: boolean;
  readonly containers: readonly ContainerFacts[];
  readonly deletedByUs?: DeletionCause | undefined;
}

export type DeletionCause =
  | 'paused'
  | 'parallelism'
  | 'deadline'
  | 'startDeadline'
  | 'replaced'
  | 'deleted';

/** A try that ended without a result: tried again within the limits of its class. */
export interface Interruption {
  readonly class: 'disruption' | 'infra_error' | 'cancelled';
  /** CamelCase. */
  readonly reason: string;
}

/** A node that does not confirm a deletion for so long after its grace period is taken for lost. */
const LOST_NODE_MS = 60_000;

/** Kubelet's words where the pod itself used too much disk; node pressure has a condition instead. */
const OWN_USE =
  /Usage of EmptyDir volume|ephemeral local storage usage exceeds|exceeded its local ephemeral storage limit/;

/**
 * Words of a node that refused a pod which the scheduler had sent there: it was full, went down or had
 * changed in between. Kubelet's lifecycle and shutdown handlers; refusals for what the pod itself asks
 * (AppArmor, sysctls, operating system) are not among them, they would come again on every node.
 */
const REFUSED_BY_NODE =
  /^(OutOf.+|NodeAffinity|NodeName|NodePorts|TaintToleration|UnexpectedAdmissionError|TopologyAffinityError|InvalidNodeInfo|NodeShutdown|Shutdown|Preempting)$/;

const CANCELLED: Readonly<Record<Exclude<DeletionCause, 'startDeadline'>, string>> = {
  paused: 'Paused',
  parallelism: 'ParallelismLowered',
  deadline: 'BatchDeadline',
  replaced: 'JobReplaced',
  deleted: 'BatchDeleted',
};

/** True where the node never confirmed the deletion (design: rollouts.md 5, lost node). */
function onLostNode({ deletedAt, gone }: PodFacts, now: number): boolean {
  return !gone && deletedAt !== undefined && now > Date.parse(deletedAt) + LOST_NODE_MS;
}

/** True once nothing more can come from the pod: its containers are ended, it is gone, or its node is. */
export function isOver(pod: PodFacts, now: number): boolean {
  if (pod.gone || onLostNode(pod, now)) return true;
  const ended = pod.phase === 'Succeeded' || pod.phase === 'Failed';
  return ended && pod.containers.every(({ state }) => state !== 'running');
}

/**
 * What ended a pod from outside, by the rows of rollouts.md 5 that look at no container of ours;
 * `main` is the container that runs foreign code. Undefined where the pod ended by itself. Only for
 * pods that are over.
 */
export function interruption(pod: PodFacts, main: string, now: number): Interruption | undefined {
  const { deletedByUs } = pod;
  if (deletedByUs === 'startDeadline') return infra('StartDeadline');
  if (deletedByUs !== undefined) return { class: 'cancelled', reason: CANCELLED[deletedByUs] };
  if (pod.disruption !== undefined) return disruption(pod.disruption);
  // Asked before all that may become of a pod once it is full: deletion, loss of its statuses.
  if (evictedForOwnUse(pod)) return undefined;
  if (onLostNode(pod, now)) return disruption('NodeLost');
  if (pod.deletedAt !== undefined) return disruption('PodDeleted');
  if (containerOf(pod, main)?.terminated?.reason === 'ContainerStatusUnknown') {
    return disruption('ContainerStatusUnknown');
  }
  if (pod.gone && pod.phase !== 'Succeeded' && pod.phase !== 'Failed') {
    return disruption('PodDeleted');
  }
  if (pod.reason === 'Evicted') return disruption('Evicted');
  return refusedByNode(pod);
}

/** Where a container ever ran, its pod was not refused. */
function refusedByNode({ phase, reason = '', containers }: PodFacts): Interruption | undefined {
  if (phase !== 'Failed' || !REFUSED_BY_NODE.test(reason)) return undefined;
  const ran = containers.some(
    (container) => container.state === 'running' || ranAndEnded(container) !== undefined,
  );
  return ran ? undefined : disruption(reason);
}

/** Kubelet ended the pod for what the pod itself wrote: no retry can be bought by filling the disk. */
export function evictedForOwnUse({ phase, message }: PodFacts): boolean {
  return phase === 'Failed' && OWN_USE.test(message ?? '');
}

export function containerOf({ containers }: PodFacts, name: string): ContainerFacts | undefined {
  return containers.find((container) => container.name === name);
}

/** How the container ended, where its program ever ran. A failed start has exit code 128 and no time. */
export function ranAndEnded(container: ContainerFacts | undefined): ContainerFacts['terminated'] {
  const ended = container?.terminated;
  if (ended === undefined || NEVER_RAN.has(ended.reason ?? '')) return undefined;
  return startOf(ended) === undefined ? undefined : ended;
}

const NEVER_RAN: ReadonlySet<string> = new Set([
  'StartError',
  'ContainerCannotRun',
  'CreateContainerError',
]);

/** Milliseconds; undefined where it is absent or the zero time that kubelet writes for no start. */
function startOf({ startedAt }: NonNullable<ContainerFacts['terminated']>): number | undefined {
  const start = startedAt === undefined ? Number.NaN : Date.parse(startedAt);
  return start > 0 ? start : undefined;
}

/** Wall seconds that an ended container ran. */
export function ranSeconds(ended: NonNullable<ContainerFacts['terminated']>): number {
  const start = startOf(ended);
  const finish = Date.parse(ended.finishedAt ?? '');
  if (start === undefined || Number.isNaN(finish)) return 0;
  return Math.max(0, (finish - start) / 1000);
}

/**
 * True where a container ran for as long as its program may. The deadline of a pod counts from the
 * pod's start: slow pulls and waiting for an earlier attempt take from it before the program begins.
 */
export function hadItsTime(ended: ContainerFacts['terminated'], seconds: number): boolean {
  return ended !== undefined && ranSeconds(ended) >= seconds;
}

/** Why a container's program never ran, as one word. */
export function neverRanReason(pod: PodFacts, name: string): string {
  const container = containerOf(pod, name);
  const word = container?.terminated?.reason ?? container?.waitingReason;
  // What kubelet says while others of the pod are not ready tells nothing.
  if (word !== undefined && word !== 'PodInitializing' && word !== 'ContainerCreating') return word;
  return pod.reason ?? 'NeverStarted';
}

export function disruption(reason: string): Interruption {
  return { class: 'disruption', reason };
}

export function infra(reason: string): Interruption {
  return { class: 'infra_error', reason };
}

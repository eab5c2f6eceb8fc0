import { z } from 'zod';
import { plainText } from '../base/plain-text.ts';
import { INDEX_ANNOTATION } from './pod-contract.ts';
import type { PodEvidence } from './pod-evidence.ts';
import {
  type ContainerState,
  type ContainerStatus,
  zPodStatus,
  zTimeOrNull,
} from './pod-object.ts';

/** Longest `status.message` that is kept: the kubelet's own are a sentence. */
const MESSAGE_LENGTH = 1024;

/** What the evidence reads of a pod; everything else is let through. */
export const zPodForEvidence = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    uid: z.string(),
    annotations: z.record(z.string(), z.string()).nullish(),
    deletionTimestamp: zTimeOrNull,
    ownerReferences: z
      .array(
        z.looseObject({
          kind: z.string(),
          name: z.string(),
          uid: z.string(),
          controller: z.boolean().optional(),
        }),
      )
      .nullish(),
  }),
  spec: z.looseObject({ nodeName: z.string().optional() }),
  status: zPodStatus
    .extend({
      phase: z.enum(['Pending', 'Running', 'Succeeded', 'Failed', 'Unknown']).catch('Unknown'),
    })
    .prefault({ phase: 'Unknown' }),
});
type PodForEvidence = z.infer<typeof zPodForEvidence>;

export interface EvidenceOptions {
  /** Why we deleted the pod, where we did. */
  readonly deletedByUs?: PodEvidence['deletedByUs'];
  /** The pod object is no more; `pod` is what was last seen of it. */
  readonly gone: boolean;
}

/**
 * What a pod says about its attempt or verification (design: rollouts.md 5): the same facts whoever
 * looked, the operator at a watch event or the server at a claim. Undefined for a pod that no
 * Indexed Job controls. Init containers come first, in the order of the pod.
 */
export function evidenceOfPod(
  pod: PodForEvidence,
  options: EvidenceOptions,
): PodEvidence | undefined {
  const { metadata, spec, status } = pod;
  const job = metadata.ownerReferences?.find((owner) => owner.controller && owner.kind === 'Job');
  const index = metadata.annotations?.[INDEX_ANNOTATION];
  if (job === undefined || index === undefined || !/^\d{1,9}$/.test(index)) return undefined;
  const holding = (type: string) =>
    status.conditions?.find((condition) => condition.type === type && condition.status === 'True');
  const disruption = holding('DisruptionTarget');
  const statuses = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  return {
    podUid: metadata.uid,
    podName: metadata.name,
    jobName: job.name,
    jobUid: job.uid,
    index: Number(index),
    phase: status.phase,
    reason: status.reason,
    message: status.message === undefined ? undefined : plainText(status.message, MESSAGE_LENGTH),
    // A condition may have no reason; that it is there is what counts.
    disruption: disruption && (disruption.reason ?? 'Unknown'),
    deletedAt: metadata.deletionTimestamp ?? undefined,
    gone: options.gone,
    nodeName: spec.nodeName,
    scheduledAt: holding('PodScheduled')?.lastTransitionTime ?? undefined,
    containers: statuses.map(containerEvidence),
    deletedByUs: options.deletedByUs,
  };
}

function containerEvidence({
  name,
  state,
  lastState,
}: ContainerStatus): PodEvidence['containers'][number] {
  if (state?.terminated) {
    return { name, state: 'terminated', terminated: terminatedEvidence(state.terminated) };
  }
  // A sidecar that is started again and again: its last end says why.
  const last = lastState?.terminated;
  return {
    name,
    state: state?.running ? 'running' : 'waiting',
    waitingReason: state?.waiting?.reason,
    terminated: last ? terminatedEvidence(last) : undefined,
  };
}

function terminatedEvidence(end: NonNullable<ContainerState['terminated']>) {
  return {
    exitCode: end.exitCode,
    signal: end.signal,
    reason: end.reason,
    startedAt: realTime(end.startedAt),
    finishedAt: realTime(end.finishedAt),
  };
}

/** Of a container that never ran, the runtime says that it started in 1970. */
function realTime(time: string | null | undefined): string | undefined {
  return time === null || time === undefined || Date.parse(time) === 0 ? undefined : time;
}

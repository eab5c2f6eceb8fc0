import { z } from 'zod';
import { plainText } from '../base/plain-text.ts';
import { INDEX_ANNOTATION } from './pod-contract.ts';
import type { PodEvidence } from './pod-evidence.ts';

/** Longest `status.message` that is kept: the kubelet's own are a sentence. */
const MESSAGE_LENGTH = 1024;

/** The API server writes a time that was never set as null. */
const zTimeOrNull = z.string().nullish();

const zState = z.looseObject({
  waiting: z.looseObject({ reason: z.string().optional() }).optional(),
  running: z.looseObject({}).optional(),
  terminated: z
    .looseObject({
      exitCode: z.number().int(),
      signal: z.number().int().optional(),
      reason: z.string().optional(),
      startedAt: zTimeOrNull,
      finishedAt: zTimeOrNull,
    })
    .optional(),
});

const zContainerStatus = z.looseObject({
  name: z.string(),
  state: zState.default({}),
  lastState: zState.default({}),
});

const zCondition = z.looseObject({
  type: z.string(),
  status: z.string(),
  reason: z.string().optional(),
  lastTransitionTime: zTimeOrNull,
});

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
  status: z
    .looseObject({
      phase: z.enum(['Pending', 'Running', 'Succeeded', 'Failed', 'Unknown']).catch('Unknown'),
      reason: z.string().optional(),
      message: z.string().optional(),
      conditions: z.array(zCondition).nullish(),
      initContainerStatuses: z.array(zContainerStatus).nullish(),
      containerStatuses: z.array(zContainerStatus).nullish(),
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
}: z.infer<typeof zContainerStatus>): PodEvidence['containers'][number] {
  if (state.terminated !== undefined) {
    return { name, state: 'terminated', terminated: terminatedEvidence(state.terminated) };
  }
  // A sidecar that is started again and again: its last end says why.
  const last = lastState.terminated;
  return {
    name,
    state: state.running === undefined ? 'waiting' : 'running',
    waitingReason: state.waiting?.reason,
    terminated: last && terminatedEvidence(last),
  };
}

function terminatedEvidence(end: NonNullable<z.infer<typeof zState>['terminated']>) {
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

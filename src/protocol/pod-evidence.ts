import { z } from 'zod';

const zTerminated = z.object({
  exitCode: z.number().int(),
  signal: z.number().int().optional(),
  reason: z.string().optional(),
  /** RFC 3339; absent where the container never ran. */
  startedAt: z.string().optional(),
  finishedAt: z.string().optional(),
});

export const zContainerEvidence = z.object({
  name: z.string(),
  /** `waiting`: never started; its reason is kept (ImagePullBackOff, CreateContainerError ...). */
  state: z.enum(['waiting', 'running', 'terminated']),
  waitingReason: z.string().optional(),
  terminated: zTerminated.optional(),
});

/**
 * What a pod object says about an attempt or a verification, reduced to what the classification needs
 * (design: rollouts.md 5). Made by one pure function from a pod, by the operator (watch events) and
 * by the server (the pod that it got).
 */
export const zPodEvidence = z.object({
  podUid: z.string(),
  podName: z.string(),
  jobName: z.string(),
  jobUid: z.string(),
  index: z.number().int().nonnegative(),
  phase: z.enum(['Pending', 'Running', 'Succeeded', 'Failed', 'Unknown']),
  /** status.reason and status.message: Evicted, DeadlineExceeded ... */
  reason: z.string().optional(),
  message: z.string().max(1024).optional(),
  /** Reason of the condition DisruptionTarget where it is True. */
  disruption: z.string().optional(),
  /** metadata.deletionTimestamp, RFC 3339. */
  deletedAt: z.string().optional(),
  /** The object is gone: no further evidence will come. */
  gone: z.boolean(),
  nodeName: z.string().optional(),
  scheduledAt: z.string().optional(),
  containers: z.array(zContainerEvidence),
  /**
   * Why we deleted it, where we did. `deadline`: that of the batch; `startDeadline`: its agent had not
   * started `startDeadlineSeconds` after scheduling, which is an infrastructure failure.
   */
  deletedByUs: z
    .enum(['paused', 'parallelism', 'deadline', 'startDeadline', 'replaced', 'deleted'])
    .optional(),
});
export type PodEvidence = z.infer<typeof zPodEvidence>;

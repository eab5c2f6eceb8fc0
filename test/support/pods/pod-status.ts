import { z } from 'zod';

const zContainerStatus = z.object({
  name: z.string(),
  containerID: z.string().optional(),
  restartCount: z.number(),
  ready: z.boolean(),
  state: z.object({
    running: z.object({}).optional(),
    waiting: z.object({ reason: z.string() }).optional(),
    terminated: z.object({ exitCode: z.number(), reason: z.string() }).optional(),
  }),
});

/** What tests read of a pod. */
export const zPod = z.object({
  metadata: z.object({
    name: z.string(),
    uid: z.string(),
    annotations: z.record(z.string(), z.string()).default({}),
    deletionTimestamp: z.string().optional(),
  }),
  spec: z.object({ nodeName: z.string().optional() }),
  status: z.object({
    phase: z.string(),
    podIP: z.string().optional(),
    reason: z.string().optional(),
    message: z.string().optional(),
    conditions: z
      .array(
        z.object({
          type: z.string(),
          status: z.string(),
          reason: z.string().optional(),
          message: z.string().optional(),
        }),
      )
      .default([]),
    containerStatuses: z.array(zContainerStatus).default([]),
    initContainerStatuses: z.array(zContainerStatus).default([]),
  }),
});
export type Pod = z.infer<typeof zPod>;
type ContainerStatus = z.infer<typeof zContainerStatus>;

export const isRunning = (pod: Pod): boolean => pod.status.phase === 'Running';
export const isReady = (pod: Pod): boolean => conditionOf(pod, 'Ready')?.status === 'True';
export const hasEnded = (pod: Pod): boolean => ['Succeeded', 'Failed'].includes(pod.status.phase);

export function conditionOf(pod: Pod, type: string) {
  return pod.status.conditions.find((condition) => condition.type === type);
}

/** The status of a container or init container; undefined before the kubelet has reported it. */
export function containerOf(pod: Pod, name: string): ContainerStatus | undefined {
  const { containerStatuses, initContainerStatuses } = pod.status;
  return [...containerStatuses, ...initContainerStatuses].find((status) => status.name === name);
}

/** `exit code reason` of an ended container, else its state. */
export function endOf(pod: Pod, name: string): string {
  const state = containerOf(pod, name)?.state;
  if (state?.terminated !== undefined) {
    return `${state.terminated.exitCode} ${state.terminated.reason}`;
  }
  return state?.waiting?.reason ?? (state?.running === undefined ? 'unknown' : 'running');
}

import { z } from 'zod';

/** The API server writes a time that was never set as null. */
export const zTimeOrNull = z.string().nullish();

const zContainerState = z.looseObject({
  waiting: z
    .looseObject({ reason: z.string().optional(), message: z.string().optional() })
    .nullish(),
  running: z.looseObject({}).nullish(),
  terminated: z
    .looseObject({
      exitCode: z.number().int(),
      signal: z.number().int().optional(),
      reason: z.string().optional(),
      message: z.string().optional(),
      startedAt: zTimeOrNull,
      finishedAt: zTimeOrNull,
    })
    .nullish(),
});
export type ContainerState = z.infer<typeof zContainerState>;

export const zContainerStatus = z.looseObject({
  name: z.string(),
  state: zContainerState.nullish(),
  lastState: zContainerState.nullish(),
});
export type ContainerStatus = z.infer<typeof zContainerStatus>;

const zPodCondition = z.looseObject({
  type: z.string(),
  status: z.string(),
  reason: z.string().optional(),
  message: z.string().optional(),
  lastTransitionTime: zTimeOrNull,
});

/** What is read of a pod's status; everything else is let through. */
export const zPodStatus = z.looseObject({
  phase: z.string().optional(),
  reason: z.string().optional(),
  message: z.string().optional(),
  conditions: z.array(zPodCondition).nullish(),
  initContainerStatuses: z.array(zContainerStatus).nullish(),
  containerStatuses: z.array(zContainerStatus).nullish(),
});

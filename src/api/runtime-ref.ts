import { z } from 'zod';
import { zName } from './fields.ts';

/** Names a TrainingRuntime of the namespace or a ClusterTrainingRuntime. */
export const zRuntimeRef = (what: string) =>
  z
    .object({
      kind: z
        .enum(['ClusterTrainingRuntime', 'TrainingRuntime'])
        .default('ClusterTrainingRuntime')
        .describe('TrainingRuntime: one of the same namespace.'),
      name: zName(40).describe('Name of the runtime.'),
    })
    .describe(what);
export type RuntimeRef = z.infer<ReturnType<typeof zRuntimeRef>>;

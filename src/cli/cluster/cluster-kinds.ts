import { z } from 'zod';
import { zKubeObject } from '../../../operator/kube/objects/kube-object.ts';
import { defineResource } from '../../../operator/kube/objects/resource.ts';
import { benchRun } from '../../api/bench-run.ts';
import { rolloutBatch } from '../../api/rollout-batch.ts';
import { synthesisJob } from '../../api/synthesis-job.ts';

/** The parts of objects that reading commands need; whatever else newer versions add is left alone. */
const zCondition = z.looseObject({
  type: z.string(),
  status: z.string(),
  reason: z.string().optional(),
  message: z.string().optional(),
});

const zBenchRun = zKubeObject.extend({
  status: z
    .looseObject({
      progress: z.string().optional(),
      results: z.looseObject({ digest: z.string() }).optional(),
      conditions: z.array(zCondition).optional(),
    })
    .optional(),
});
export type BenchRunObject = z.infer<typeof zBenchRun>;

export const benchRuns = defineResource({ ...benchRun, namespaced: true, schema: zBenchRun });
export const rolloutBatches = defineResource({
  ...rolloutBatch,
  namespaced: true,
  schema: zKubeObject,
});

export const synthesisJobs = defineResource({
  ...synthesisJob,
  namespaced: true,
  schema: zKubeObject,
});

const core = { group: '', version: 'v1', namespaced: true } as const;

export const secrets = defineResource({
  ...core,
  kind: 'Secret',
  plural: 'secrets',
  schema: zKubeObject.extend({ data: z.record(z.string(), z.string()).nullish() }),
});

const zService = zKubeObject.extend({
  spec: z.looseObject({ selector: z.record(z.string(), z.string()).optional() }),
});
export type ServiceObject = z.infer<typeof zService>;

export const services = defineResource({
  ...core,
  kind: 'Service',
  plural: 'services',
  schema: zService,
});

const zPod = zKubeObject.extend({
  status: z.looseObject({ conditions: z.array(zCondition).nullish() }).optional(),
});

export const pods = defineResource({ ...core, kind: 'Pod', plural: 'pods', schema: zPod });

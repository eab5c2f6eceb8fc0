import type { z } from 'zod';
import { benchRun } from '../../../src/api/bench-run.ts';
import { zKubeObject } from '../../kube/objects/kube-object.ts';
import { defineResource } from '../../kube/objects/resource.ts';

const zBenchRun = zKubeObject.extend({
  spec: benchRun.spec,
  status: benchRun.status.optional(),
});
export type BenchRun = z.infer<typeof zBenchRun>;
export type BenchSpec = BenchRun['spec'];

export const benchRuns = defineResource({ ...benchRun, namespaced: true, schema: zBenchRun });

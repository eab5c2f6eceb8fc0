import { z } from 'zod';
import { zCondition } from '../../../operator/kube/objects/conditions.ts';
import { zKubeObject } from '../../../operator/kube/objects/kube-object.ts';
import { defineResource } from '../../../operator/kube/objects/resource.ts';

/** Says `text` in `copies` ConfigMaps; see crd.yaml. */
export const zEcho = zKubeObject.extend({
  spec: z.looseObject({ text: z.string(), copies: z.number().int() }),
  status: z
    .looseObject({ ready: z.number().optional(), conditions: z.array(zCondition).optional() })
    .optional(),
});
export type Echo = z.infer<typeof zEcho>;

export const echoes = defineResource({
  group: 'test.example.com',
  version: 'v1',
  kind: 'Echo',
  plural: 'echoes',
  namespaced: true,
  schema: zEcho,
});

export const zConfigMap = zKubeObject.extend({
  data: z.record(z.string(), z.string()).optional(),
});
export type ConfigMap = z.infer<typeof zConfigMap>;

export const configMaps = defineResource({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
  schema: zConfigMap,
});

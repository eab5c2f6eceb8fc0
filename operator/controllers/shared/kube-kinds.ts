import { z } from 'zod';
import { zKubeObject } from '../../kube/objects/kube-object.ts';
import { defineResource } from '../../kube/objects/resource.ts';

/** The parts of the cluster's own kinds that the controllers read; all else is kept as it is. */
const zJobCondition = z.looseObject({
  type: z.string(),
  status: z.string(),
  reason: z.string().optional(),
  message: z.string().optional(),
  lastTransitionTime: z.string().optional(),
});

const zJob = zKubeObject.extend({
  spec: z.looseObject({
    parallelism: z.number().int().optional(),
    completions: z.number().int().optional(),
    suspend: z.boolean().optional(),
  }),
  status: z
    .looseObject({
      active: z.number().int().optional(),
      terminating: z.number().int().nullish(),
      conditions: z.array(zJobCondition).nullish(),
    })
    .optional(),
});
export type Job = z.infer<typeof zJob>;

export const jobs = defineResource({
  group: 'batch',
  version: 'v1',
  kind: 'Job',
  plural: 'jobs',
  namespaced: true,
  schema: zJob,
});

const core = { group: '', version: 'v1', namespaced: true, schema: zKubeObject } as const;

export const serviceAccounts = defineResource({
  ...core,
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
});

export const networkPolicies = defineResource({
  ...core,
  group: 'networking.k8s.io',
  kind: 'NetworkPolicy',
  plural: 'networkpolicies',
});

const zConfigMap = zKubeObject.extend({ data: z.record(z.string(), z.string()).nullish() });

export const configMaps = defineResource({
  ...core,
  kind: 'ConfigMap',
  plural: 'configmaps',
  schema: zConfigMap,
});

const zService = zKubeObject.extend({
  spec: z.looseObject({ clusterIP: z.string().optional() }),
});

export const services = defineResource({
  ...core,
  kind: 'Service',
  plural: 'services',
  schema: zService,
});

/** Core events: those of the Job controller are written as such. */
const zCoreEvent = zKubeObject.extend({
  reason: z.string().nullish(),
  message: z.string().nullish(),
  lastTimestamp: z.string().nullish(),
  eventTime: z.string().nullish(),
});

export const coreEvents = defineResource({
  ...core,
  kind: 'Event',
  plural: 'events',
  schema: zCoreEvent,
});

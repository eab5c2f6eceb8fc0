import { z } from 'zod';
import { zKubeObject } from '../objects/kube-object.ts';
import { defineResource, type Resource } from '../objects/resource.ts';

/** The event fields that the recorder writes. Stamps are RFC 3339 with six digits of a second. */
export const zKubeEvent = zKubeObject.extend({
  eventTime: z.string().nullish(),
  type: z.string().optional(),
  reason: z.string().optional(),
  action: z.string().optional(),
  note: z.string().optional(),
  reportingController: z.string().optional(),
  reportingInstance: z.string().optional(),
  regarding: z.looseObject({}).optional(),
  related: z.looseObject({}).optional(),
  series: z.looseObject({ count: z.number(), lastObservedTime: z.string() }).optional(),
});

export type KubeEvent = z.infer<typeof zKubeEvent>;

export const events: Resource<KubeEvent> = defineResource({
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
  schema: zKubeEvent,
});

import { z } from 'zod';

/** Owner of an object, as the garbage collector reads it. */
export const zOwnerReference = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  name: z.string(),
  uid: z.string(),
  controller: z.boolean().optional(),
  blockOwnerDeletion: z.boolean().optional(),
});

/** The part of `metadata` that controllers read; other fields are kept. Stamps are RFC 3339 text. */
export const zObjectMeta = z.looseObject({
  name: z.string(),
  namespace: z.string().optional(),
  uid: z.string().optional(),
  resourceVersion: z.string().optional(),
  generation: z.number().optional(),
  creationTimestamp: z.string().nullish(),
  deletionTimestamp: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
  ownerReferences: z.array(zOwnerReference).optional(),
  finalizers: z.array(z.string()).optional(),
});

/** Any object of the API: what each resource's own schema must at least give. */
export const zKubeObject = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: zObjectMeta,
});

export type OwnerReference = z.infer<typeof zOwnerReference>;
export type ObjectMeta = z.infer<typeof zObjectMeta>;

/** The least that every object has. A resource's own type adds `spec`, `status` and so on. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

import { z } from 'zod';
import type { NewObject } from '../client/resource-client.ts';
import { zKubeObject } from '../objects/kube-object.ts';
import { defineResource } from '../objects/resource.ts';
import { stampMicro } from '../objects/time-stamps.ts';

/** Who leads and until when, as the API server stores it. Stamps are for people: nobody counts by them. */
export const zLease = zKubeObject.extend({
  spec: z
    .looseObject({
      /** Empty or absent: nobody holds the lease. */
      holderIdentity: z.string().nullish(),
      /** How long others wait after the last change that they saw before they take the lease. */
      leaseDurationSeconds: z.number().nullish(),
      acquireTime: z.string().nullish(),
      renewTime: z.string().nullish(),
      /** How often the holder has changed. */
      leaseTransitions: z.number().nullish(),
    })
    .prefault({}),
});

export type Lease = z.infer<typeof zLease>;

export const leases = defineResource({
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
  schema: zLease,
});

/** What a candidate writes about itself. */
export interface Holder {
  readonly identity: string;
  readonly leaseDurationMs: number;
  /** Stamp of this write, milliseconds since the epoch. */
  readonly nowMs: number;
}

/**
 * The spec with `holder` in it: a renewal where it held the lease before, else a hand-over, which
 * counts one transition. Fields that the runtime does not know stay.
 */
export function heldSpec(previous: Lease['spec'] | undefined, holder: Holder): Lease['spec'] {
  const renewal = previous?.holderIdentity === holder.identity;
  const stamp = stampMicro(holder.nowMs);
  return {
    ...previous,
    holderIdentity: holder.identity,
    leaseDurationSeconds: Math.ceil(holder.leaseDurationMs / 1000),
    acquireTime: renewal ? (previous.acquireTime ?? stamp) : stamp,
    renewTime: stamp,
    leaseTransitions: transitionsOf(previous, renewal),
  };
}

/** The spec that says "nobody": the next candidate takes the lease at its next look. */
export function releasedSpec(previous: Lease['spec'], nowMs: number): Lease['spec'] {
  return {
    ...previous,
    holderIdentity: '',
    leaseDurationSeconds: 1,
    renewTime: stampMicro(nowMs),
  };
}

/** A lease that is not on the API server yet. */
export function newLease(
  key: { readonly namespace: string; readonly name: string },
  spec: Lease['spec'],
): NewObject<Lease> {
  return { metadata: { namespace: key.namespace, name: key.name }, spec };
}

function transitionsOf(previous: Lease['spec'] | undefined, renewal: boolean): number {
  if (previous === undefined) return 0;
  return (previous.leaseTransitions ?? 0) + (renewal ? 0 : 1);
}

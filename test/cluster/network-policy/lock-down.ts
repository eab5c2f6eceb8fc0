import { z } from 'zod';
import { errorMessage } from '../../../src/base/error.ts';
import type { PolicyWorld } from './allow.ts';
import { checkPolicy, type PolicyObjects, worldOf } from './translate.ts';

/** Policies that can be translated, with a closed door in the place of each that cannot. */
export interface CheckedPolicies {
  readonly policies: readonly unknown[];
  /** One sentence for each refused policy, naming policy and field. */
  readonly refusals: readonly string[];
}

const zPlace = z.looseObject({
  metadata: z.looseObject({ name: z.string(), namespace: z.string() }),
  spec: z.looseObject({ podSelector: z.unknown() }),
});

/**
 * A policy that cannot be translated closes the pods that it selects, in both directions: what it
 * would have allowed is not known. If even its selector is not understood, its namespace is closed.
 */
export function lockDownRefused(objects: PolicyObjects): CheckedPolicies {
  const refusals: string[] = [];
  const world = worldOf(objects);
  const policies = objects.policies.map((policy) => {
    const problem = refusalOf(policy, world);
    if (problem === undefined) return policy;
    refusals.push(problem);
    const { metadata, spec } = zPlace.parse(policy);
    const closed = { metadata, spec: { podSelector: spec.podSelector, policyTypes: BOTH } };
    return refusalOf(closed, world) === undefined
      ? closed
      : { metadata, spec: { podSelector: {}, policyTypes: BOTH } };
  });
  return { policies, refusals };
}

const BOTH = ['Ingress', 'Egress'];

function refusalOf(policy: unknown, world: PolicyWorld): string | undefined {
  try {
    checkPolicy(policy, world);
    return undefined;
  } catch (thrown) {
    return errorMessage(thrown);
  }
}

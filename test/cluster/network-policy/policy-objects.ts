import { z } from 'zod';
import { ClawError } from '../../../src/base/error.ts';

/*
 * The objects that decide what may talk to what. Specs of policies are strict: a field that is not
 * known here would be left out of the rules without a word.
 */

const zMeta = z.looseObject({
  name: z.string(),
  namespace: z.string().optional(),
  uid: z.string().optional(),
  resourceVersion: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional(),
});

const zSelector = z.strictObject({
  matchLabels: z.record(z.string(), z.string()).optional(),
  matchExpressions: z
    .array(
      z.strictObject({
        key: z.string(),
        operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
        values: z.array(z.string()).optional(),
      }),
    )
    .optional(),
});

const zPort = z.strictObject({
  protocol: z.enum(['TCP', 'UDP', 'SCTP']).default('TCP'),
  port: z.union([z.int().min(1).max(65_535), z.string()]).optional(),
  endPort: z.int().min(1).max(65_535).optional(),
});

const zPeer = z.strictObject({
  podSelector: zSelector.optional(),
  namespaceSelector: zSelector.optional(),
  ipBlock: z.strictObject({ cidr: z.string(), except: z.array(z.string()).optional() }).optional(),
});

const zPorts = z.array(zPort).optional();
const zPeers = z.array(zPeer).optional();

const zNetworkPolicy = z.looseObject({
  metadata: zMeta.extend({ namespace: z.string() }),
  spec: z.strictObject({
    podSelector: zSelector.default({}),
    policyTypes: z.array(z.enum(['Ingress', 'Egress'])).optional(),
    ingress: z.array(z.strictObject({ from: zPeers, ports: zPorts })).optional(),
    egress: z.array(z.strictObject({ to: zPeers, ports: zPorts })).optional(),
  }),
});

const zContainer = z.looseObject({
  ports: z
    .array(
      z.looseObject({
        name: z.string().optional(),
        containerPort: z.number(),
        protocol: z.enum(['TCP', 'UDP', 'SCTP']).default('TCP'),
      }),
    )
    .optional(),
});

const zPod = z.looseObject({
  metadata: zMeta.extend({ namespace: z.string() }),
  spec: z.looseObject({
    nodeName: z.string().optional(),
    hostNetwork: z.boolean().optional(),
    containers: z.array(zContainer),
    initContainers: z.array(zContainer).optional(),
  }),
  status: z
    .looseObject({
      phase: z.string().optional(),
      podIPs: z.array(z.looseObject({ ip: z.string() })).optional(),
    })
    .optional(),
});

const zNamespace = z.looseObject({ metadata: zMeta });

export type PolicyPort = z.infer<typeof zPort>;
export type PolicyPeer = z.infer<typeof zPeer>;
export type NetworkPolicy = z.infer<typeof zNetworkPolicy>;
export type PolicyPod = z.infer<typeof zPod>;
export type PolicyNamespace = z.infer<typeof zNamespace>;

/** Where a policy stands and what of it, for messages: `NetworkPolicy a/b: spec.ingress[0]`. */
export function refusal(
  policy: { readonly namespace?: string | undefined; readonly name: string },
  field: string,
  problem: string,
): ClawError {
  return new ClawError(
    'InvalidManifest',
    `NetworkPolicy ${policy.namespace ?? ''}/${policy.name}: ${field}: ${problem}`,
  );
}

/** Throws `InvalidManifest` with policy and field where the enforcer does not know a part of it. */
export function parsePolicy(raw: unknown): NetworkPolicy {
  const parsed = zNetworkPolicy.safeParse(raw);
  if (parsed.success) return parsed.data;
  const meta = z.looseObject({ metadata: zMeta }).safeParse(raw).data?.metadata;
  const issue = parsed.error.issues[0];
  const field = (issue?.path ?? [])
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
  throw refusal(meta ?? { name: '(no name)' }, field, issue?.message ?? 'unknown form');
}

export const parsePod = (raw: unknown): PolicyPod => zPod.parse(raw);
export const parseNamespace = (raw: unknown): PolicyNamespace => zNamespace.parse(raw);

import { LABELS, SANDBOX_PORT, SANDBOX_SERVICE_ACCOUNT } from '../../protocol/pod-contract.ts';
import type { NetworkPolicy, ServiceAccount } from './kube-types.ts';
import type { PodSettings } from './settings.ts';

const OWN_LABELS = {
  'app.kubernetes.io/name': 'clawgym-sandbox',
  'app.kubernetes.io/part-of': 'clawgym',
  'app.kubernetes.io/managed-by': 'clawgym-operator',
};
const SANDBOXES = { matchLabels: { [LABELS.sandbox]: 'true' } };

export interface NamespaceObjects {
  readonly serviceAccount: ServiceAccount;
  /** Deny first: a pod that starts between the two has no network at all. */
  readonly networkPolicies: readonly NetworkPolicy[];
}

/**
 * What a namespace needs before its first sandbox pod (design: rollouts.md 6). Shared by all batches
 * of the namespace, so no batch owns it. Sandboxes reach the server's sandbox listener and nothing
 * else, no DNS either.
 */
export function namespaceObjects(
  namespace: string,
  server: PodSettings['server'],
): NamespaceObjects {
  return {
    serviceAccount: {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: SANDBOX_SERVICE_ACCOUNT, namespace, labels: OWN_LABELS },
      automountServiceAccountToken: false,
    },
    networkPolicies: [
      policy(namespace, 'clawgym-sandbox-deny', {
        podSelector: SANDBOXES,
        policyTypes: ['Ingress', 'Egress'],
      }),
      policy(namespace, 'clawgym-sandbox-gateway', {
        podSelector: SANDBOXES,
        policyTypes: ['Egress'],
        egress: [
          {
            to: [
              {
                namespaceSelector: {
                  matchLabels: { 'kubernetes.io/metadata.name': server.namespace },
                },
                podSelector: { matchLabels: server.podLabels },
              },
            ],
            ports: [{ protocol: 'TCP', port: SANDBOX_PORT }],
          },
        ],
      }),
    ],
  };
}

function policy(namespace: string, name: string, spec: NetworkPolicy['spec']): NetworkPolicy {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace, labels: OWN_LABELS },
    spec,
  };
}

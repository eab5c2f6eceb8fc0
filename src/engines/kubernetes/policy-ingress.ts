import type { ObjectMeta } from '../../../operator/kube/objects/kube-object.ts';
import { LABELS, POLICY_PORT } from '../../protocol/pod-contract.ts';
import type { PodSettings } from './settings.ts';

type PolicyIngress = {
  apiVersion: 'networking.k8s.io/v1';
  kind: 'NetworkPolicy';
  metadata: ObjectMeta;
  spec: {
    podSelector: { matchLabels: Record<string, string> };
    policyTypes: ['Ingress'];
    ingress: {
      from: {
        namespaceSelector: { matchLabels: Record<string, string> };
        podSelector: { matchLabels: Record<string, string> };
      }[];
      ports: { protocol: 'TCP'; port: number }[];
    }[];
  };
};

/**
 * Lets the server, and nobody else, call the policy servers of a namespace: the policies of sandboxes hold
 * for their pods too. Shared by all policy pods of the namespace, so none owns it.
 */
export function policyIngress(namespace: string, server: PodSettings['server']): PolicyIngress {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: {
      name: 'clawgym-policy-server',
      namespace,
      labels: {
        'app.kubernetes.io/name': 'clawgym-policy',
        'app.kubernetes.io/part-of': 'clawgym',
        'app.kubernetes.io/managed-by': 'clawgym-operator',
      },
    },
    spec: {
      podSelector: { matchLabels: { [LABELS.policy]: 'true' } },
      policyTypes: ['Ingress'],
      ingress: [
        {
          from: [
            {
              namespaceSelector: {
                matchLabels: { 'kubernetes.io/metadata.name': server.namespace },
              },
              podSelector: { matchLabels: { ...server.podLabels } },
            },
          ],
          ports: [{ protocol: 'TCP', port: POLICY_PORT }],
        },
      ],
    },
  };
}

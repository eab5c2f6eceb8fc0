import { z } from 'zod';
import type { ClusterApi, Manifest } from '../../../test/cluster/node/cluster-api.ts';

const zList = z.object({
  items: z.array(
    z.looseObject({
      metadata: z.looseObject({
        name: z.string(),
        labels: z.record(z.string(), z.string()).optional(),
      }),
    }),
  ),
});
/** What the operator prepares in each namespace with runs. */
const PREPARED = [
  ['v1', 'ServiceAccount', 'serviceaccounts'],
  ['networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies'],
] as const;
const OPERATOR = 'clawgym-operator';

/** A namespace that nobody watches, with all that the operator has prepared in another. */
export async function prepareBareNamespace(
  api: ClusterApi,
  prepared: string,
  namespace: string,
): Promise<void> {
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } };
  await api.create(object);
  for (const [apiVersion, kind, plural] of PREPARED) {
    const root = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`;
    const list = await api.get(`${root}/namespaces/${prepared}/${plural}`);
    for (const { metadata, ...rest } of zList.parse(list).items) {
      const { name, labels: own = {} } = metadata;
      if (own['app.kubernetes.io/managed-by'] !== OPERATOR) continue;
      const copy: Manifest = {
        ...rest,
        ...{ apiVersion, kind, metadata: { name, namespace, labels: own } },
      };
      await api.apply(copy);
    }
  }
}

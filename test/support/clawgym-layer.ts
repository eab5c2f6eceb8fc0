import { zKubeObject } from '../../operator/kube/objects/kube-object.ts';
import { defineResource } from '../../operator/kube/objects/resource.ts';
import type { Resource } from '../../src/api/define-resource.ts';
import { KINDS, type Kind } from '../../src/api/kinds.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { waitUntil } from '../cluster/wait-until.ts';
import { crdFiles } from './crd-files.ts';

/** Our kinds as any client sees them: no schema of ours between the test and the server. */
export const plainKind = (kind: Kind) => {
  const resource: Resource = KINDS[kind];
  const namespaced = resource.scope !== 'Cluster';
  return defineResource({ ...resource, namespaced, schema: zKubeObject });
};

/** The shipped CRDs on the layer's server, served; they stay for the other tests of the layer. */
export async function installCrds(cluster: Cluster): Promise<void> {
  const crds = crdFiles();
  const list = { apiVersion: 'v1', kind: 'List', items: crds };
  await cluster.kubectl(
    ['apply', '--server-side', '--force-conflicts', '--validate=strict', '--filename', '-'],
    JSON.stringify(list),
  );
  await cluster.kubectl([
    'wait',
    '--for=condition=Established',
    '--timeout=60s',
    ...crds.map(({ metadata }) => `crd/${metadata.name}`),
  ]);
  // A kind is established a moment before the server answers for it.
  const kinds = crds.map(({ metadata }) => metadata.name).join(',');
  const served = async () => (await cluster.kubectl(['get', kinds])) !== undefined;
  await waitUntil(served, { what: 'the kinds are served', seconds: 60 });
}

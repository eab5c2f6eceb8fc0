import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  LOCAL_CLASS,
  localVolume,
  SHARED_CLASS,
  sharedVolume,
} from '../cluster/node/base-objects.ts';
import { nodePaths } from '../cluster/node/node-files.ts';
import type { NodeLayer } from '../cluster/node/node-layer.ts';
import type { Installation } from './installation.ts';

/**
 * A volume that lies on the host too, and a claim of the installation's namespace for it.
 *
 * @param where name of the node that alone has it, or undefined for all of them
 * @returns the folder on the host
 */
export async function taskVolume(
  layer: NodeLayer,
  installation: Installation,
  claimName: string,
  where?: string,
): Promise<string> {
  const name = `${installation.namespace}-${claimName}`;
  const { sharedFolder } = layer.state;
  const node = where === undefined ? undefined : layer.node(where).state;
  await layer.api.apply(
    node === undefined ? sharedVolume(sharedFolder, name) : localVolume(node, name),
  );
  const claim = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: claimName },
    spec: {
      storageClassName: node === undefined ? SHARED_CLASS : LOCAL_CLASS,
      accessModes: [node === undefined ? 'ReadWriteMany' : 'ReadWriteOnce'],
      resources: { requests: { storage: '1Gi' } },
      volumeName: name,
    },
  };
  await installation.kubectl(['apply', '--filename', '-'], JSON.stringify(claim));
  const folder = node === undefined ? sharedFolder : nodePaths(node.folder).volumes;
  const path = join(folder, name);
  await mkdir(path, { recursive: true });
  return path;
}

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { K3sContainer, type StartedK3sContainer } from '@testcontainers/k3s';
import { ClawError, errorMessage } from '../../src/base/error.ts';
import { ensurePrograms } from './binaries.ts';
import type { ClusterHost } from './cluster-host.ts';
import type { LayerOptions, StartedLayer } from './layer.ts';

/** The release of the programs that are built otherwise. */
const IMAGE = 'rancher/k3s:v1.36.3-k3s1';

/**
 * One node of k3s in a container, in place of the layers apiserver and node where a Docker daemon
 * answers. Its programs are not ours: they cannot be stopped one by one.
 */
export async function startK3sLayer(
  host: ClusterHost,
  { release, apiServerFlags = [], controllerManagerFlags = [] }: LayerOptions,
): Promise<StartedLayer> {
  if (release === 'floor') {
    throw new ClawError(
      'InvalidInput',
      'the floor release runs from built programs only, not as k3s',
    );
  }
  const { kubectl } = await ensurePrograms(['kubectl'], host);
  host.logger.info({}, `starting ${IMAGE}`);
  const flags = [
    ...apiServerFlags.map((flag) => `--kube-apiserver-arg=${flag.replace(/^--/, '')}`),
    ...controllerManagerFlags.map(
      (flag) => `--kube-controller-manager-arg=${flag.replace(/^--/, '')}`,
    ),
  ];
  const container = await startContainer(flags);
  const kubeconfig = join(host.stateFolder, 'kubeconfig');
  await writeFile(kubeconfig, container.getKubeConfig(), { mode: 0o600 });
  return { kubeconfig, kubectl, stop: async () => void (await container.stop()) };
}

async function startContainer(flags: readonly string[]): Promise<StartedK3sContainer> {
  const container = new K3sContainer(IMAGE);
  if (flags.length > 0) container.withCommand(['server', '--disable=traefik', ...flags]);
  try {
    return await container.start();
  } catch (cause) {
    throw new ClawError(
      'MissingTool',
      `k3s did not start in Docker: ${errorMessage(cause)}. Run: docker info, and start the daemon ` +
        'where it does not answer; or leave CLAWGYM_CLUSTER_PROVIDER out',
      { cause },
    );
  }
}

import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { ClawError } from '../../src/base/error.ts';
import { findProgram } from '../../src/engines/local/sandbox/host-command.ts';
import { ensurePrograms } from './binaries.ts';
import { Cluster } from './cluster.ts';
import type { LayerName, LayerOptions } from './layer.ts';
import type { LayerEnvironment } from './layers.ts';

/**
 * The cluster of KUBECONFIG where USE_EXISTING_CLUSTER is `true`; undefined where it is not. Fails
 * where the file is missing or no API server answers.
 */
export async function existingCluster(
  layer: LayerName,
  options: LayerOptions,
  environment: LayerEnvironment,
): Promise<Cluster | undefined> {
  const { env } = environment;
  if (env['USE_EXISTING_CLUSTER'] !== 'true') return undefined;
  const kubeconfig = kubeconfigPath(env['KUBECONFIG']);
  if (!existsSync(kubeconfig)) {
    throw new ClawError(
      'NotFound',
      `USE_EXISTING_CLUSTER is true, but there is no kubeconfig ${kubeconfig}: set KUBECONFIG to its path`,
    );
  }
  const kubectl =
    findProgram('kubectl', env) ?? (await ensurePrograms(['kubectl'], environment)).kubectl;
  const cluster = new Cluster({ layer, options, kubeconfig, kubectl, facts: {} }, env);
  await cluster.kubectl(['version', '--request-timeout=10s']);
  return cluster;
}

function kubeconfigPath(given: string | undefined): string {
  const [first = ''] = (given ?? '').split(delimiter);
  return first === '' ? join(homedir(), '.kube', 'config') : first;
}

import { existsSync } from 'node:fs';
import { silentLogger } from '../../src/base/logger.ts';
import { cliEnvironment } from '../../src/cli/environment.ts';
import { enforcerStatusPath } from '../cluster/network-policy/enforcer-status.ts';
import { startNetworkPolicies } from '../cluster/network-policy/start-network-policies.ts';
import type { NodeLayer } from '../cluster/node/node-layer.ts';
import { tempDir } from './temp-dir.ts';

/** Where the layer's enforcer says what it enforces; one is started where the layer has none. */
export async function layerPolicies(
  layer: NodeLayer,
): Promise<AsyncDisposable & { readonly statusPath: string }> {
  const { stateFolder } = layer.cluster.record;
  const statusPath = stateFolder === undefined ? undefined : enforcerStatusPath(stateFolder);
  if (statusPath !== undefined && existsSync(statusPath))
    return { statusPath, [Symbol.asyncDispose]: () => Promise.resolve() };
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await tempDir()).path;
  const { env } = cliEnvironment();
  const { signal } = new AbortController();
  const host = { stateFolder: folder, env, logger: silentLogger, signal };
  const { nodes } = layer.state;
  stack.use(await startNetworkPolicies(host, layer.cluster.kubeconfigPath, nodes));
  const held = stack.move();
  return {
    statusPath: enforcerStatusPath(folder),
    [Symbol.asyncDispose]: async () => {
      await held.disposeAsync();
      const remove = 'table inet clawgym_network_policy; delete table inet clawgym_network_policy';
      for (const node of layer.nodes) await node.run(['nft', remove]);
    },
  };
}

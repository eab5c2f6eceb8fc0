import { join } from 'node:path';
import { systemClock } from '../../../operator/kube/base/clock.ts';
import { silentLogger } from '../../../operator/kube/base/logger.ts';
import { createCredentials } from '../../../operator/kube/client/credentials.ts';
import { createKubeClient } from '../../../operator/kube/client/typed-client.ts';
import { createTransport } from '../../../operator/kube/client/undici-transport.ts';
import { errorMessage } from '../../../src/base/error.ts';
import type { ClusterHost } from '../cluster-host.ts';
import { enterNetwork } from '../node/namespaces.ts';
import type { NodeState } from '../node/node-state.ts';
import { runTool } from '../node/run-tool.ts';
import { type EnforcedNode, NetworkPolicyEnforcer } from './enforcer.ts';
import { enforcerStatusPath, writeEnforcerStatus } from './enforcer-status.ts';
import { FILTER_SETTINGS } from './filter-settings.ts';

/** Bridge of a node's pods, as its CNI configuration names it. */
const BRIDGE = 'cni0';

/** What of a host the enforcer needs. */
export type EnforcerHost = Pick<ClusterHost, 'stateFolder' | 'env' | 'logger' | 'signal'>;

/**
 * Begins to enforce NetworkPolicies on these nodes, and resolves when each has its first ruleset.
 * What is enforced stands in the file of `enforcerStatusPath`. Disposing it ends the watching and
 * leaves the rules, which end with the nodes' namespaces.
 */
export async function startNetworkPolicies(
  host: EnforcerHost,
  kubeconfig: string,
  nodes: readonly NodeState[],
): Promise<AsyncDisposable> {
  for (const node of nodes)
    await runTool([...enterNetwork(node.pid), 'sh', '-ec', FILTER_SETTINGS.join('\n')], host);
  const stop = new AbortController();
  const signal = AbortSignal.any([host.signal, stop.signal]);
  const source = { kind: 'files', paths: [kubeconfig] } as const;
  const clock = systemClock;
  const transport = createTransport({
    credentials: createCredentials({ source, clock, logger: silentLogger }),
    clock,
    logger: silentLogger,
    userAgent: 'test-cluster-network-policy',
  });
  const enforcer = new NetworkPolicyEnforcer({
    client: createKubeClient({ transport }),
    nodes: nodes.map((node) => enforced(host, node)),
    folder: host.stateFolder,
    clock,
    random: Math.random,
    logger: host.logger,
    onStatus: (status) => writeEnforcerStatus(enforcerStatusPath(host.stateFolder), status),
  });
  const running = enforcer.run(signal).catch((thrown: unknown) => {
    host.logger.error({}, `network policies are not enforced any more: ${errorMessage(thrown)}`);
  });
  const handle = {
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await running;
      await transport[Symbol.asyncDispose]();
    },
  };
  try {
    await enforcer.ready;
    return handle;
  } catch (thrown) {
    await handle[Symbol.asyncDispose]();
    throw thrown;
  }
}

function enforced(host: EnforcerHost, node: NodeState): EnforcedNode {
  const { name, podSubnet, pid } = node;
  return {
    name,
    podSubnet,
    bridge: BRIDGE,
    // The folder of the node's own mounts, wherever it lies on the host.
    cniResults: join('/proc', String(pid), 'root/var/lib/cni/results'),
    load: (path) => runTool([...enterNetwork(pid), 'nft', '-f', path], host),
  };
}

import { systemClock } from '../../operator/kube/base/clock.ts';
import { KubeError } from '../../operator/kube/base/kube-error.ts';
import type { ResourceClient } from '../../operator/kube/client/resource-client.ts';
import type { Lease } from '../../operator/kube/election/lease.ts';
import { LEASE_NAME } from './leader-protocol.ts';

const RETRY_MS = 50;

/**
 * Collects every state of the lease until `signal` aborts. States that pass while the API server is
 * away are missing; whoever led then says so in its entries.
 */
export async function collectLeases(
  leases: ResourceClient<Lease>,
  namespace: string,
  signal: AbortSignal,
): Promise<readonly Lease[]> {
  const history: Lease[] = [];
  const selection = { namespace, fieldSelector: `metadata.name=${LEASE_NAME}` };
  while (!signal.aborted) {
    try {
      const { items, resourceVersion } = await leases.list(selection, { signal, timeoutMs: 2000 });
      history.push(...items);
      const events = leases.watch(selection, {
        signal,
        resourceVersion,
        serverTimeoutSeconds: 300,
      });
      for await (const event of events) if (event.type !== 'BOOKMARK') history.push(event.object);
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      await systemClock.sleep(RETRY_MS, signal).catch(() => undefined);
    }
  }
  return history;
}

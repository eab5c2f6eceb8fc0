import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { createCacheMetrics } from '../../operator/kube/cache-metrics.ts';
import { systemClock } from '../../operator/kube/clock.ts';
import { createCache } from '../../operator/kube/informer-cache.ts';
import type { ReflectorNumbers } from '../../operator/kube/reflector-context.ts';
import { FaultProxy } from '../../test/support/fault-proxy/fault-proxy.ts';
import type { Fault } from '../../test/support/fault-proxy/faults.ts';
import { listsOf, watchesOf } from '../../test/support/fault-proxy/proxied-request.ts';
import { seededRandom } from '../../test/support/fault-proxy/rules.ts';
import { upstreamOfKubeconfig } from '../../test/support/fault-proxy/upstream.ts';
import { configMaps, connect } from './kube.ts';

/** Small enough for ten faults a second. */
const NUMBERS: Partial<ReflectorNumbers> = {
  backoff: { initialMs: 2, maxMs: 50, factor: 2, jitter: 1, resetAfterMs: 1_000 },
  pageSize: 20,
  watchSeconds: [5, 10],
  inactivityMs: 1_000,
  healthyAfterMs: 500,
};

/** Faults of a watch with their chance before each event: 1.4 percent in all, so never below one. */
const EVENT_FAULTS: readonly (readonly [Fault['kind'], number])[] = [
  ['reset', 0.003],
  ['close', 0.002],
  ['truncate', 0.003],
  ['garbage', 0.002],
  ['duplicate', 0.0015],
  ['goaway', 0.0003],
  ['stall', 0.0002],
];
const ERROR_EVENTS: readonly (readonly [number, number])[] = [
  [410, 0.0015],
  [500, 0.0005],
];
/** Faults of a request. */
const ANSWERS: readonly (readonly [number, number])[] = [
  [500, 0.02],
  [410, 0.02],
  [429, 0.01],
];

/** A proxy and a cache behind it that tries again within milliseconds. */
export async function faultyCache(
  kubeconfig: string,
  selection: { readonly namespace: string; readonly labelSelector: string },
  seed: number,
) {
  const proxy = await FaultProxy.start({
    upstream: upstreamOfKubeconfig(kubeconfig),
    random: seededRandom(seed),
  });
  const folder = await mkdtemp(join(tmpdir(), 'faulty-cache-'));
  const path = join(folder, 'kubeconfig');
  await proxy.writeKubeconfig(path);
  const client = connect(path);
  const maps = client.for(configMaps);
  // The kubeconfig is read at the first call.
  await maps.list({ namespace: 'default' }, { signal: AbortSignal.timeout(30_000) });
  await rm(folder, { recursive: true });
  const registry = new Registry();
  const cache = createCache({
    client: maps,
    selection,
    clock: systemClock,
    random: Math.random,
    metrics: createCacheMetrics(registry),
    numbers: NUMBERS,
  });
  return {
    cache,
    proxy,
    registry,
    async [Symbol.asyncDispose]() {
      await client.transport[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

/** Puts the faults in force. */
export function injectFaults(proxy: FaultProxy): void {
  const watches = watchesOf('configmaps');
  for (const [kind, chance] of EVENT_FAULTS)
    proxy.inject({ match: watches, fault: eventFault(kind, chance) });
  for (const [status, chance] of ERROR_EVENTS)
    proxy.inject({ match: watches, fault: { kind: 'error-event', status, when: { chance } } });
  for (const match of [watches, listsOf('configmaps')])
    for (const [status, probability] of ANSWERS)
      proxy.inject({
        match,
        probability,
        fault: { kind: 'status', status, ...(status === 429 ? { retryAfterSeconds: 0 } : {}) },
      });
}

function eventFault(kind: Fault['kind'], chance: number): Fault {
  const when = { chance };
  switch (kind) {
    case 'reset':
    case 'close':
    case 'truncate':
    case 'garbage':
    case 'duplicate':
    case 'goaway':
    case 'stall':
      return { kind, when };
    default:
      throw new Error(`${kind} is no fault of an event`);
  }
}

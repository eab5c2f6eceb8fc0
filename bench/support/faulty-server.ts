import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { systemClock } from '../../operator/kube/base/clock.ts';
import { createCache } from '../../operator/kube/cache/informer-cache.ts';
import type { ReflectorNumbers } from '../../operator/kube/cache/reflector-context.ts';
import { stateRoot } from '../../test/cluster/state-root.ts';
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

/**
 * A proxy in front of a server, and its kubeconfig; no fault is in force yet. The kubeconfig lies in
 * the folder of the test cluster, which takes it along when it ends, also after the claim was killed.
 * Only that of another server lies in the temporary folder and stays there after a kill.
 */
export async function faultyServer(kubeconfig: string, seed: number) {
  const proxy = await FaultProxy.start({
    upstream: upstreamOfKubeconfig(kubeconfig),
    random: seededRandom(seed),
  });
  const clusters = stateRoot(process.getuid?.() ?? -1);
  const parent = kubeconfig.startsWith(`${clusters}/`) ? dirname(kubeconfig) : tmpdir();
  const folder = await mkdtemp(join(parent, 'faulty-server-'));
  const path = join(folder, 'kubeconfig');
  await proxy.writeKubeconfig(path);
  return {
    proxy,
    kubeconfig: path,
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      // The cluster may have ended before.
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A cache that tries again within milliseconds. */
export function eagerCache(
  kubeconfig: string,
  selection: { readonly namespace: string; readonly labelSelector: string },
) {
  const client = connect(kubeconfig);
  const cache = createCache({
    client: client.for(configMaps),
    selection,
    clock: systemClock,
    random: Math.random,
    numbers: NUMBERS,
  });
  return { cache, [Symbol.asyncDispose]: () => client.transport[Symbol.asyncDispose]() };
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

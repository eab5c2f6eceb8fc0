import { parseArgs } from 'node:util';
import { systemClock } from '../operator/kube/base/clock.ts';
import type { KubeObject } from '../operator/kube/objects/kube-object.ts';
import { compareResourceVersions } from '../operator/kube/objects/resource-version.ts';
import { apiServer } from './support/api-server.ts';
import { ChangeAudit } from './support/change-audit.ts';
import { Churn } from './support/churn.ts';
import { Claim } from './support/claim.ts';
import { eagerCache, faultyServer, injectFaults } from './support/faulty-server.ts';
import { configMaps, connect, createNamespace } from './support/kube.ts';

/**
 * Claim runtime/3: a cache that watches a real API server through a proxy with a fault at one
 * event of a hundred equals a fresh list at the end, and told of every object that vanished once.
 */
const NAMESPACE = 'reflector-faults';
const LABELS = { app: 'reflector-faults' };
const SELECTION = { namespace: NAMESPACE, labelSelector: 'app=reflector-faults' };
const [OBJECTS, WRITERS] = [320, 80];
const FAULTS_PER_EVENT = 0.01;
const CATCH_UP_MS = 60_000;

const { values } = parseArgs({
  options: {
    kubeconfig: { type: 'string' },
    events: { type: 'string', default: '100000' },
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string', default: '1' },
  },
});
const events = Number(values.events);
const signal = AbortSignal.timeout(Number(values.minutes) * 60_000);
const claim = new Claim();
await using server = await apiServer(values.kubeconfig);
const client = connect(server.kubeconfig);
await using _transport = client.transport;
await createNamespace(client, NAMESPACE, signal);
await using faulty = await faultyServer(server.kubeconfig, Number(values.seed));
await using eager = eagerCache(faulty.kubeconfig, SELECTION);
const { proxy } = faulty;
const { cache } = eager;
const audit = new ChangeAudit();
cache.subscribe((change) => audit.take(change));
const end = new AbortController();
injectFaults(proxy);
const running = cache.run(end.signal);
await cache.whenSynced(signal);
const start = performance.now();
const churn = new Churn({
  client,
  namespace: NAMESPACE,
  labels: LABELS,
  objects: OBJECTS,
  parallel: WRITERS,
  signal,
});
while (proxy.counts.watchEvents < events) await systemClock.sleep(20, signal);
const newest = await churn.stop();
const seconds = (performance.now() - start) / 1000;
const { counts } = proxy;
const fresh = await client.for(configMaps).list(SELECTION, { signal });
const caughtUp = await reaches(newest, fresh.items);
end.abort();
await running;

const faults = Object.values(counts.injected).reduce((sum, times) => sum + times, 0);
audit.finish(fresh.items);
claim.check(caughtUp, `the cache stopped short of version ${newest}`);
claim.check(sameObjects(cache.list(), fresh.items), 'the cache differs from a fresh list');
for (const breach of audit.breaches.slice(0, 20)) claim.check(false, breach);
claim.check(
  faults >= events * FAULTS_PER_EVENT,
  `only ${faults} faults were injected at ${events} events`,
);
claim.check(audit.counts.missed > 0, 'no deletion was missed: the faults were too mild');
process.stdout.write(`${JSON.stringify(counts.injected)}\n`);
claim.finish(
  `${counts.watchEvents} events and ${faults} faults in ${seconds.toFixed(0)} s: the cache equals ` +
    `a fresh list; ${audit.counts.deleted} objects vanished, each told once (${audit.counts.missed} ` +
    'deletions were missed and found by a list)',
);

/** Waits, with the faults still in force, until the cache holds what a list gives. */
async function reaches(version: string, list: readonly KubeObject[]): Promise<boolean> {
  const deadline = performance.now() + CATCH_UP_MS;
  while (performance.now() < deadline) {
    const at = cache.resourceVersion ?? '0';
    if (compareResourceVersions(at, version) >= 0 && sameObjects(cache.list(), list)) return true;
    await systemClock.sleep(20, signal);
  }
  return false;
}

function sameObjects(left: readonly KubeObject[], right: readonly KubeObject[]): boolean {
  return texts(left).join('\n') === texts(right).join('\n');
}

function texts(objects: readonly KubeObject[]): readonly string[] {
  return objects.map((object) => JSON.stringify(object)).toSorted();
}

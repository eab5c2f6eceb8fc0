import { once } from 'node:events';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { z } from 'zod';
import { systemClock } from '../operator/kube/base/clock.ts';
import { apiServer } from './support/api-server.ts';
import { Claim } from './support/claim.ts';
import { eagerCache } from './support/faulty-server.ts';
import { retainedMemory } from './support/heap.ts';
import { connect, createNamespace } from './support/kube.ts';

/**
 * Claim runtime/12: the memory that a cache retains, heap and buffers outside of it, stays flat over
 * 30 minutes of created, changed and deleted objects and of faults at one event of a hundred. Run with
 * `--expose-gc`. The writers and the proxy have a heap of their own. The first tenth of the time, in
 * which the names fill up, does not count. Resident memory is told, not bounded: it is the writers'
 * and the proxy's as well.
 *
 * Machine code lies in the heap too. V8 makes it for one function after the other as faults reach it,
 * over thousands of faults more than a megabyte, and drops sources that it thinks are done with, 4 MB
 * at once. Neither is the cache's, and each would hide what is: so nothing but byte code is made, and
 * it is kept.
 */
const NAMESPACE = 'reflector-memory';
const LABELS = { app: 'reflector-memory' };
const [OBJECTS, WRITERS, PAUSE_MS, SAMPLES] = [500, 10, 20, 60];
const GROWTH_MB = 1;

for (const flag of ['--no-opt', '--no-maglev', '--no-sparkplug', '--no-flush-bytecode'])
  setFlagsFromString(flag);
const { values } = parseArgs({
  options: { kubeconfig: { type: 'string' }, minutes: { type: 'string', default: '30' } },
});
const minutes = Number(values.minutes);
const signal = AbortSignal.timeout((minutes + 5) * 60_000);
const claim = new Claim();
await using server = await apiServer(values.kubeconfig);
{
  const client = connect(server.kubeconfig);
  await using _transport = client.transport;
  await createNamespace(client, NAMESPACE, signal);
}
const worker = new Worker(join(import.meta.dirname, 'support/churn-worker.ts'), {
  workerData: {
    kubeconfig: server.kubeconfig,
    namespace: NAMESPACE,
    labels: LABELS,
    objects: OBJECTS,
    parallel: WRITERS,
    pauseMs: PAUSE_MS,
    text: 'x'.repeat(1_800),
  },
});
const { kubeconfig } = z.object({ kubeconfig: z.string() }).parse(await nextMessage());
await using eager = eagerCache(kubeconfig, {
  namespace: NAMESPACE,
  labelSelector: `app=${LABELS.app}`,
});
let changes = 0;
eager.cache.subscribe(() => {
  changes += 1;
});
const end = new AbortController();
const running = eager.cache.run(end.signal);
await eager.cache.whenSynced(signal);
interface Sample {
  readonly minute: number;
  /** Heap and what lies outside of it for the heap's objects. */
  readonly mb: number;
  readonly externalMb: number;
  readonly rssMb: number;
}
const samples: Sample[] = [];
const start = performance.now();
for (let at = 0; at < SAMPLES; at += 1) {
  await systemClock.sleep((minutes * 60_000) / SAMPLES, signal);
  const minute = (performance.now() - start) / 60_000;
  const { heap, external, rss } = retainedMemory();
  samples.push({
    minute,
    mb: (heap + external) / 1e6,
    externalMb: external / 1e6,
    rssMb: rss / 1e6,
  });
}
worker.postMessage('stop');
const work = z
  .object({ writes: z.number(), watchEvents: z.number(), faults: z.number() })
  .parse(await nextMessage());
end.abort();
await running;

const counted = samples.slice(SAMPLES / 10);
const growth = slope(counted) * minutes;
const mean = (of: (sample: Sample) => number) =>
  counted.reduce((sum, sample) => sum + of(sample), 0) / counted.length;
claim.check(
  growth <= GROWTH_MB,
  `heap and buffers grow by ${growth.toFixed(2)} MB in ${minutes} min`,
);
claim.check(work.faults >= work.watchEvents / 100, `only ${work.faults} faults`);
claim.check(changes > work.watchEvents / 2, `only ${changes} changes were told`);
claim.finish(
  `${minutes} min, ${work.writes} writes, ${changes} changes told, ${work.faults} faults: ` +
    `${mean(({ mb }) => mb).toFixed(1)} MB (${mean(({ externalMb }) => externalMb).toFixed(1)} outside the heap), ` +
    `growth ${growth.toFixed(2)} (limit ${GROWTH_MB}); RSS ${mean(({ rssMb }) => rssMb).toFixed(0)} MB`,
);

async function nextMessage(): Promise<unknown> {
  const messages: readonly unknown[] = await once(worker, 'message', { signal });
  return messages[0];
}

/** Megabytes a minute, by least squares. */
function slope(points: readonly Sample[]): number {
  const average = (of: (point: Sample) => number) =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [minute, mb] = [average((point) => point.minute), average((point) => point.mb)];
  const covariance = average((point) => (point.minute - minute) * (point.mb - mb));
  return covariance / average((point) => (point.minute - minute) ** 2);
}

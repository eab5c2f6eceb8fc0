import diagnostics from 'node:diagnostics_channel';
import { parseArgs } from 'node:util';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { z } from 'zod';
import { apiServer } from './support/api-server.ts';
import { Claim } from './support/claim.ts';
import { configMaps, connect, createNamespace, forEachParallel } from './support/kube.ts';

/**
 * Claim runtime/5: against a real API server, 10 workers that list one object from the server's
 * cache, as controllers do, get at least 5 times the requests per second of the stock library, by the
 * median of rounds that take turns in one run; and all requests of ours, those of the set-up too, go
 * over one connection, which speaks HTTP/2.
 */
const [MIN_RATIO, WORKERS, ROUNDS] = [5, 10, 9];
/** The stock library is slower: fewer requests take it about as long. */
const REQUESTS = { ours: 600, stock: 100 };
const MINUTES = 5;
const KEY = { namespace: 'client-claim', name: 'object' };

const { values } = parseArgs({ options: { kubeconfig: { type: 'string' } } });
const signal = AbortSignal.timeout(MINUTES * 60_000);
const claim = new Claim();
const rounds: { readonly ours: number; readonly stock: number }[] = [];
type Side = 'ours' | 'stock';
/** For each connection what its TLS handshake agreed on: `h2`, or `http/1.1`. */
const connections: Readonly<Record<Side, string[]>> = { ours: [], stock: [] };
/** Whose turn it is, the set-up being ours; connections opened meanwhile are its own. */
let turn: Side = 'ours';
const zConnected = z.object({
  socket: z.object({ alpnProtocol: z.string().or(z.literal(false)) }),
});
const count = (message: unknown): void =>
  void connections[turn].push(zConnected.parse(message).socket.alpnProtocol || 'http/1.1');
diagnostics.subscribe('undici:client:connected', count);
{
  await using server = await apiServer(values.kubeconfig);
  const client = connect(server.kubeconfig);
  await using _transport = client.transport;
  await createNamespace(client, KEY.namespace, signal);
  const maps = client.for(configMaps);
  const labels = { of: 'claim' };
  await maps.create({ metadata: { ...KEY, labels } }, { signal, fieldManager: 'bench' });
  const config = new KubeConfig();
  config.loadFromFile(server.kubeconfig);
  const core = config.makeApiClient(CoreV1Api);
  const what = { namespace: KEY.namespace, labelSelector: 'of=claim' };
  const list = {
    ours: () => maps.list(what, { signal, resourceVersion: '0' }),
    stock: () => core.listNamespacedConfigMap({ ...what, resourceVersion: '0', limit: 500 }),
  };
  claim.check((await list.ours()).items.length === 1, 'our list does not have the one object');
  turn = 'stock';
  claim.check((await list.stock()).items.length === 1, 'the stock list has not the one object');
  // The first calls compile the code of both.
  for (const side of ['stock', 'ours'] as const) await requestsPerSecond(side, list[side]);
  for (let round = 0; round < ROUNDS; round += 1) {
    const stock = await requestsPerSecond('stock', list.stock);
    rounds.push({ stock, ours: await requestsPerSecond('ours', list.ours) });
  }
}
diagnostics.unsubscribe('undici:client:connected', count);
const median = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const ratio = median(rounds.map(({ ours, stock }) => ours / stock));
claim.check(ratio >= MIN_RATIO, `${ratio.toFixed(1)} times the stock library's requests a second`);
const protocols = connections.ours.join(', ') || 'none';
claim.check(protocols === 'h2', `our connections are ${protocols}; not one with HTTP/2`);
claim.finish(
  `${ratio.toFixed(1)} x the stock library: ${median(rounds.map(({ ours }) => ours)).toFixed(0)} to ` +
    `${median(rounds.map(({ stock }) => stock)).toFixed(0)} requests/s with ${WORKERS} workers; ` +
    `${(ROUNDS + 1) * REQUESTS.ours} requests over ${connections.ours.length} connection (${protocols}), ` +
    `its ${(ROUNDS + 1) * REQUESTS.stock} over ${connections.stock.length}`,
);

/** One side's turn. */
async function requestsPerSecond(side: Side, list: () => Promise<unknown>): Promise<number> {
  turn = side;
  const start = performance.now();
  await forEachParallel(Array.from({ length: REQUESTS[side] }), WORKERS, list);
  return REQUESTS[side] / ((performance.now() - start) / 1000);
}

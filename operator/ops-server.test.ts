import { Gauge, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { opsServer } from './ops-server.ts';

test('probes follow the process, metrics are there, nothing else is', async () => {
  const registry = new Registry();
  new Gauge({ name: 'own', help: 'x', registers: [registry] }).set(7);
  const state = { alive: true, ready: false };
  const stop = new AbortController();
  const { promise, resolve } = Promise.withResolvers<number>();
  const service = opsServer({
    ...{ port: 0, host: '127.0.0.1', registry, listening: resolve },
    alive: () => state.alive,
    ready: () => state.ready,
  });
  const running = service.run(stop.signal);
  const base = `http://127.0.0.1:${await promise}`;
  const status = async (path: string, method = 'GET') =>
    (await fetch(`${base}${path}`, { method })).status;
  expect([await status('/healthz'), await status('/readyz')]).toEqual([200, 503]);
  state.ready = true;
  state.alive = false;
  expect([await status('/healthz'), await status('/readyz')]).toEqual([503, 200]);
  expect(await (await fetch(`${base}/metrics`)).text()).toContain('own 7');
  expect([await status('/other'), await status('/metrics', 'POST')]).toEqual([404, 405]);
  stop.abort();
  await running;
});

test('a port that is taken ends the process instead of leaving it without probes', async () => {
  const stop = new AbortController();
  const { promise, resolve } = Promise.withResolvers<number>();
  const common = {
    ...{ host: '127.0.0.1', registry: new Registry() },
    ...{ alive: () => true, ready: () => true },
  };
  const first = opsServer({ ...common, port: 0, listening: resolve }).run(stop.signal);
  const port = await promise;
  await expect(opsServer({ ...common, port }).run(stop.signal)).rejects.toThrow(/EADDRINUSE/);
  stop.abort();
  await first;
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { waitUntil } from '../cluster/wait-until.ts';
import { transportOf } from '../support/cluster-client.ts';
import { EchoBed } from '../support/echo/bed.ts';
import { FaultProxy } from '../support/fault-proxy/fault-proxy.ts';
import { type Fault, faultName } from '../support/fault-proxy/faults.ts';
import {
  anyRequest,
  listsOf,
  type RequestMatch,
  watchesOf,
  writesOf,
} from '../support/fault-proxy/proxied-request.ts';
import { type FaultRule, seededRandom } from '../support/fault-proxy/rules.ts';
import { upstreamOfKubeconfig } from '../support/fault-proxy/upstream.ts';
import { layerCluster } from '../support/layer-cluster.ts';

const { kubeconfigPath } = layerCluster();
const PATIENCE_S = 45;

/**
 * The life of an Echo, seen and written by its controller through a proxy with these faults: from
 * the start of the controller, or once it has made the first copies.
 */
async function liveThrough(
  rules: readonly FaultRule[],
  from: 'start' | 'first copies' = 'start',
): Promise<Readonly<Record<string, number>>> {
  const folder = await mkdtemp(join(tmpdir(), 'echo-faults-'));
  try {
    await using bed = await EchoBed.open(kubeconfigPath);
    await using proxy = await FaultProxy.start({
      upstream: upstreamOfKubeconfig(kubeconfigPath),
      random: seededRandom(7),
    });
    const kubeconfig = join(folder, 'kubeconfig');
    await proxy.writeKubeconfig(kubeconfig);
    await using transport = transportOf(kubeconfig, 'echo-controller');
    if (from === 'start') for (const rule of rules) proxy.inject(rule);
    await using _life = bed.start(transport);
    for (const [text, copies] of [
      ['hi', 3],
      ['bye', 4],
      ['so', 1],
    ] as const) {
      await bed.say('hello', text, copies);
      await waitUntil(() => bed.echoed('hello'), { what: 'it is echoed', seconds: PATIENCE_S });
      expect(await bed.copies('hello')).toHaveLength(copies);
      if (from === 'first copies' && text === 'hi') for (const rule of rules) proxy.inject(rule);
    }
    await bed.remove('hello');
    const gone = async (): Promise<boolean> =>
      (await bed.get('hello')) === undefined && (await bed.archive()).length === 0;
    await waitUntil(gone, { what: 'it and its archive are gone', seconds: PATIENCE_S });
    return proxy.counts.injected;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const writes = writesOf();
const watches = watchesOf();
const status = (code: number, retryAfterSeconds?: number): Fault => ({
  kind: 'status',
  status: code,
  ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
});
const lostAnswer: Fault = { kind: 'reset', scope: 'stream', when: 'answer' };
const brokenConnection: Fault = { kind: 'reset', scope: 'connection', when: { events: 1 } };

describe.concurrent('the controller comes to the same end', () => {
  test.each<[string, RequestMatch, Fault, number]>([
    ['writes refused with 500', writes, status(500), 5],
    ['writes refused with 429 and Retry-After', writes, status(429, 1), 3],
    ['writes refused with 409', writes, status(409), 5],
    ['answers of writes that are lost', writes, lostAnswer, 6],
    ['connections that break in a watch', watches, brokenConnection, 3],
    ['watches that end in 410', watches, { kind: 'error-event', status: 410 }, 3],
    ['watches with half a line', watches, { kind: 'truncate', when: { events: 1 } }, 3],
    ['watches that come late', watches, { kind: 'stall', forMs: 1000, when: { events: 1 } }, 2],
    ['lists refused', listsOf(), status(503), 4],
  ])('through %s', async (_name, match, fault, times) => {
    expect(await liveThrough([{ match, fault, times }])).toEqual({ [faultName(fault)]: times });
  });

  test.each<[string, RequestMatch, 'start' | 'first copies']>([
    ['from its first write on', writes, 'start'],
    ['from its first watch on', watches, 'start'],
    ['once it has made the first copies', writes, 'first copies'],
  ])('through a server that is away for a second %s', async (_name, match, from) => {
    const fault: Fault = { kind: 'refuse', forMs: 1000 };
    expect(await liveThrough([{ match, fault, times: 1 }], from)).toEqual({ refuse: 1 });
  });

  test('through all of these at random', async () => {
    const injected = await liveThrough([
      { match: writes, fault: status(500), probability: 0.1 },
      { match: writes, fault: status(429, 1), probability: 0.05 },
      { match: writes, fault: lostAnswer, probability: 0.1 },
      { match: anyRequest, fault: { kind: 'delay', ms: 50 }, probability: 0.2 },
      { match: watches, fault: brokenConnection, probability: 0.3, times: 4 },
      { match: watches, fault: { kind: 'error-event', status: 410 }, probability: 0.3, times: 4 },
    ]);
    expect(Object.values(injected).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(3);
  });
});

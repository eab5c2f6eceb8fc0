import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { KubeRequest, Transport } from '../../operator/kube/client/transport.ts';
import { type CrashWorld, crashAtEveryWrite } from '../support/crash-harness.ts';
import type { CrashMoment } from '../support/crash-transport.ts';

const WANTED = 3;
const QUICK = { pollMs: 5, quietMs: 100 };
const AFTER: readonly CrashMoment[] = ['after'];

/** A server that keeps the names it was sent. */
class Names implements Transport {
  readonly names: string[] = [];
  async request({ body, method }: KubeRequest): Promise<unknown> {
    if (method === 'GET') return [...this.names];
    this.names.push(String(body));
    return body;
  }
  async stream(): Promise<never> {
    throw new Error('no streams here');
  }
  async [Symbol.asyncDispose](): Promise<void> {}
}

/** What a controller does to have three names, given how many writes it remembers to have made. */
type Behaviour = (has: readonly string[], remembered: number) => readonly string[];

/** Looks at what is there and adds what is missing. */
const careful: Behaviour = (has) =>
  ['a', 'b', 'c'].slice(0, WANTED).filter((name) => !has.includes(name));
/** Takes every start for the first one: a child for each, whatever is there. */
const doubling: Behaviour = (_has, remembered) =>
  ['a', 'b', 'c'].slice(0, WANTED - remembered).map((name, index) => `${name}${index}`);
/** Believes that who has one has all. */
const lazy: Behaviour = (has) => (has.length > 0 ? [] : careful(has, 0));

function world(behaviour: Behaviour): CrashWorld {
  const server = new Names();
  const { signal } = new AbortController();
  const call = { path: '/names', resource: 'names', signal };
  return {
    transport: server,
    steps: [
      {
        name: 'three names',
        act: async () => undefined,
        settled: async () => server.names.length >= WANTED,
        observe: async () => server.names.toSorted(),
      },
    ],
    run: async (transport) => {
      try {
        const has = await transport.request({ ...call, method: 'GET', verb: 'get' });
        for (const name of behaviour(has as string[], 0))
          await transport.request({ ...call, method: 'POST', verb: 'create', body: name });
      } catch {
        // The process is gone.
      }
    },
    close: async () => undefined,
  };
}

test('a controller that looks at what is there passes: dies after and before each write', async () => {
  const report = await crashAtEveryWrite({ open: async () => world(careful), ...QUICK });
  expect(report).toEqual({
    writes: ['create names', 'create names', 'create names'],
    fewest: WANTED,
    crashes: { after: WANTED, before: WANTED },
    failures: [],
  });
});

test('one that does not look passes where it dies before its first write only', async () => {
  const open = async () => world(doubling);
  const moments: readonly CrashMoment[] = ['before'];
  const report = await crashAtEveryWrite({ open, moments, stepMs: 500, ...QUICK });
  expect(report.crashes).toEqual({ after: 0, before: 1 });
  expect(report.failures).toHaveLength(WANTED - 1);
  expect(report.failures.toSorted()[0]).toContain('crash before write 2 (create names)');
});

test('one that makes children twice is found out at every write', async () => {
  const open = async () => world(doubling);
  const report = await crashAtEveryWrite({ open, moments: AFTER, stepMs: 500, ...QUICK });
  expect(report.crashes.after).toBe(0);
  expect(report.failures).toHaveLength(WANTED);
  expect(report.failures.toSorted()[0]).toContain('crash after write 1 (create names)');
});

test('one that stops half way is found out', async () => {
  const open = async () => world(lazy);
  const report = await crashAtEveryWrite({ open, moments: AFTER, stepMs: 500, ...QUICK });
  expect(report.failures).toHaveLength(WANTED - 1);
  expect(report.failures.toSorted()[0]).toContain('step "three names" is not there');
});

test('a last write that nobody sees is waited for, so that its crash takes place too', async () => {
  const open = async (): Promise<CrashWorld> => {
    const { transport, steps, ...rest } = world(careful);
    const run: CrashWorld['run'] = async (over, signal) => {
      await rest.run(over, signal);
      const call = { path: '/seen', resource: 'sightings', signal };
      try {
        await delay(80, undefined, { signal });
        await over.request({ ...call, method: 'GET', verb: 'create', body: '' });
      } catch {
        // The process is gone.
      }
    };
    return { ...rest, transport, steps, run };
  };
  const counted = ({ verb }: KubeRequest) => verb === 'create';
  const report = await crashAtEveryWrite({
    open,
    moments: AFTER,
    counted,
    pollMs: 10,
    quietMs: 300,
  });
  expect(report.failures).toEqual([]);
  expect(report.writes.at(-1)).toBe('create sightings');
  expect(report.crashes.after).toBe(report.writes.length);
});

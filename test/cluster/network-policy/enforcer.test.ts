import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { KubeClient } from '../../../operator/kube/client/typed-client.ts';
import type { KubeObject } from '../../../operator/kube/objects/kube-object.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { ScriptedClient } from '../../support/scripted-client.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { NetworkPolicyEnforcer } from './enforcer.ts';
import type { EnforcerStatus } from './enforcer-status.ts';

const object = (kind: string, name: string, more: object): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, namespace: 'n', uid: `uid-${name}`, resourceVersion: '7' },
  ...more,
});
const pod = (name: string, ip: string) =>
  object('Pod', name, {
    spec: { nodeName: 'node-1', containers: [] },
    status: { podIPs: [{ ip }] },
  });
const policy = (name: string, spec: object) => object('NetworkPolicy', name, { spec });
const CLOSED = { podSelector: {}, policyTypes: ['Egress'] };
const NAMED_BLOCK = {
  ...CLOSED,
  egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/8' } }], ports: [{ port: 'http' }] }],
};

let bed: Awaited<ReturnType<typeof setUp>>;
let stop: AbortController;
beforeEach(async () => {
  stop = new AbortController();
  bed = await setUp();
});
afterEach(async () => {
  stop.abort();
  await bed.running;
  await bed.dir[Symbol.asyncDispose]();
});

async function setUp() {
  const dir = await tempDir();
  const clients: Record<string, ScriptedClient> = {
    pods: new ScriptedClient(),
    networkpolicies: new ScriptedClient(),
    namespaces: new ScriptedClient(),
  };
  const list = (plural: string, items: readonly KubeObject[]) =>
    clients[plural]?.lists.push([{ items, resourceVersion: '9', remaining: undefined }]);
  list('namespaces', [object('Namespace', 'n', {})]);
  list('pods', [pod('a', '10.244.0.5')]);
  const clock = new ManualClock();
  const load = vi.fn((path: string) => Promise.resolve(readFileSync(path, 'utf8')));
  const told: EnforcerStatus[] = [];
  const enforcer = new NetworkPolicyEnforcer({
    // Each resource has a script of its own.
    client: { for: ({ plural }: { plural: string }) => clients[plural] } as unknown as KubeClient,
    nodes: [
      {
        name: 'node-1',
        podSubnet: '10.244.0.0/24',
        bridge: 'cni0',
        cniResults: join(dir.path, 'cni'),
        load,
      },
    ],
    folder: dir.path,
    clock,
    random: () => 0.5,
    logger: silentLogger,
    onStatus: (status) => told.push(status),
  });
  const bed = { dir, clients, list, clock, load, told, enforcer, running: Promise.resolve() };
  return bed;
}

function run(): void {
  bed.running = bed.enforcer.run(stop.signal);
}

/** Lets time pass until `check` holds. */
function eventually(check: () => void): Promise<void> {
  const often = { interval: 5, timeout: 10_000 };
  return vi.waitFor(() => {
    bed.clock.advance(200);
    check();
  }, often);
}
const rulesets = () =>
  Promise.all(bed.load.mock.results.map(({ value }) => value as Promise<string>));

test('loads a ruleset, says what it holds, and loads none that is the same', async () => {
  bed.list('networkpolicies', [policy('closed', CLOSED)]);
  run();
  await eventually(() => expect(bed.told).toHaveLength(1));
  await bed.enforcer.ready;
  expect(bed.told).toEqual([
    {
      state: 'enforcing',
      message: '',
      policies: { 'n/closed': '7' },
      pods: { 'n/a': ['10.244.0.5'] },
    },
  ]);
  const before = bed.clock.now();
  await eventually(() => expect(bed.clock.now()).toBeGreaterThan(before + 5000));
  expect(await rulesets()).toEqual([expect.stringContaining('10.244.0.5 : jump egress_1')]);
});

test('takes up a pod that comes later', async () => {
  bed.list('networkpolicies', [policy('closed', CLOSED)]);
  run();
  await eventually(() => expect(bed.told).toHaveLength(1));
  bed.clients['pods']?.watching.send({ type: 'ADDED', object: pod('b', '10.244.0.6') });
  await eventually(() => expect(bed.told).toHaveLength(2));
  expect(bed.told[1]?.pods).toEqual({ 'n/a': ['10.244.0.5'], 'n/b': ['10.244.0.6'] });
  expect((await rulesets())[1]).toContain('10.244.0.6 : jump egress_2');
});

test('says which ruleset cannot be loaded, and tries again', async () => {
  bed.list('networkpolicies', [policy('closed', CLOSED)]);
  bed.load.mockRejectedValueOnce(new Error('nft: no such file'));
  run();
  await eventually(() => expect(bed.told).toHaveLength(2));
  expect(bed.told[0]).toEqual({
    state: 'failed',
    message: 'node-1: nft: no such file',
    policies: {},
    pods: {},
  });
  expect(bed.told[1]?.state).toBe('enforcing');
});

test('says which policy cannot be translated, and closes its pods', async () => {
  bed.list('networkpolicies', [policy('odd', NAMED_BLOCK)]);
  run();
  await eventually(() => expect(bed.told).toHaveLength(1));
  expect(bed.told[0]?.state).toBe('refused');
  expect(bed.told[0]?.message).toMatch(
    /^NetworkPolicy n\/odd: spec\.egress\[0\]\.to\[0\]\.ipBlock: /,
  );
  expect(await rulesets()).toEqual([expect.stringContaining('10.244.0.5 : jump egress_1')]);
});

test('does not claim what came while a ruleset was loaded', async () => {
  bed.list('networkpolicies', []);
  const held = Promise.withResolvers<string>();
  bed.load.mockReturnValueOnce(held.promise);
  run();
  await eventually(() => expect(bed.load).toHaveBeenCalledTimes(1));
  const late = policy('late', CLOSED);
  bed.clients['networkpolicies']?.watching.send({ type: 'ADDED', object: late }, () =>
    held.resolve(''),
  );
  await eventually(() => expect(bed.told).toHaveLength(2));
  expect(bed.told.map(({ policies }) => policies)).toEqual([{}, { 'n/late': '7' }]);
});

test('where it is ended before the first ruleset, nobody waits for it for ever', async () => {
  run();
  stop.abort();
  await expect(bed.enforcer.ready).rejects.toThrow();
  await bed.running;
});

import { beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { podBatch, ROLLOUT_SHAPE, sandboxRequest } from '../../../test/support/sandbox-request.ts';
import { KubeError } from '../../kube/base/kube-error.ts';
import type { Transport } from '../../kube/client/transport.ts';
import { createKubeClient } from '../../kube/client/typed-client.ts';
import type { RolloutBatch } from '../shared/kinds.ts';
import type { NamespaceProblem } from './namespace.ts';
import { VolumeSources } from './volume-source.ts';

const DIGEST = 'd'.repeat(64);
const { installation } = sandboxRequest(ROLLOUT_SHAPE);
const call = { signal: new AbortController().signal, fieldManager: 'test' };
const SOURCE = { claimName: 'suite', path: 'tasks' };
const plain = podBatch() as unknown as RolloutBatch;
const batch: RolloutBatch = {
  ...plain,
  spec: { ...plain.spec, tasks: { persistentVolumeClaim: SOURCE } },
};

/** An API server with one namespace's claims and pods; a pod's status is what the test says. */
class World {
  claim: string | undefined = 'Bound';
  pod: Record<string, unknown> | undefined;
  refusal: KubeError | undefined;
  readonly calls: string[] = [];
  readonly told: unknown[] = [];
  namespaceProblem: NamespaceProblem | undefined;
  readonly clock = new ManualClock();
  readonly sources = new VolumeSources({
    client: createKubeClient({ transport: this.#transport() }),
    server: {
      expectImport: async (podUid, body) => void this.told.push([podUid, body]),
    },
    clock: this.clock,
    installation: { current: async () => ({ pods: installation, info: {} as never }) },
    namespaces: { problemOf: async () => this.namespaceProblem },
  });

  read() {
    return this.sources.read(batch, SOURCE, call);
  }

  /** As `read`, once what was found before is forgotten. */
  later(ms = 2000) {
    this.clock.advance(ms);
    return this.read();
  }

  ended(message: object): void {
    if (this.pod === undefined) throw new Error('no pod');
    const terminated = { exitCode: 0, message: JSON.stringify(message) };
    const containerStatuses = [{ name: 'import', state: { terminated } }];
    this.pod = { ...this.pod, status: { phase: 'Succeeded', containerStatuses } };
  }

  #transport(): Transport {
    const answer = (method: string, path: string, body: unknown): unknown => {
      const [, kind = '', name = ''] =
        /\/(pods|persistentvolumeclaims)(?:\/(.*))?$/.exec(path) ?? [];
      this.calls.push(`${method} ${kind}`);
      const missing = new KubeError('NotFound', `${name}: not found`, { httpStatus: 404 });
      if (kind === 'persistentvolumeclaims') {
        if (this.claim === undefined) throw missing;
        const metadata = { name, namespace: 'runs', uid: 'claim' };
        const status = { phase: this.claim };
        return { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata, status };
      }
      if (method === 'POST') {
        if (this.refusal !== undefined) throw this.refusal;
        const given = body as { metadata: object };
        const metadata = { ...given.metadata, uid: 'pod-uid', resourceVersion: '1' };
        this.pod = {
          ...given,
          apiVersion: 'v1',
          kind: 'Pod',
          metadata,
          status: { phase: 'Pending' },
        };
        return this.pod;
      }
      if (this.pod === undefined) throw missing;
      const { pod } = this;
      if (method === 'DELETE') this.pod = undefined;
      return pod;
    };
    return {
      request: async ({ method, path, body }) => answer(method, path, body),
      stream: async () => Promise.reject(new Error('no stream')),
      [Symbol.asyncDispose]: async () => undefined,
    };
  }
}

let world: World;
beforeEach(() => {
  world = new World();
});

test('a volume is read by one pod, of which the server is told until it ends', async () => {
  expect(await world.read()).toMatchObject({
    kind: 'reading',
    message: expect.stringContaining('suite') as string,
  });
  expect(world.calls).toEqual(['GET pods', 'GET persistentvolumeclaims', 'POST pods']);
  expect(await world.later()).toMatchObject({ kind: 'reading' });
  await world.later();
  const expected = ['pod-uid', { namespace: 'runs', batchUid: batch.metadata.uid }];
  expect(world.told).toEqual([expected, expected]);
  world.ended({ digest: DIGEST, tasks: 2 });
  const source = { kind: 'source', body: { kind: 'digest', digest: DIGEST } };
  expect(await world.later()).toEqual(source);
  expect(world.pod).toBeUndefined();
  // The plan may have to be told again: that costs no other pod.
  const before = world.calls.length;
  expect(await world.later()).toEqual(source);
  expect(world.calls).toHaveLength(before);
});

test('another process goes on with the pod that is there', async () => {
  await world.read();
  world.sources.forget(batch.metadata.uid ?? '');
  expect(await world.read()).toMatchObject({ kind: 'reading' });
  expect(world.calls.filter((each) => each === 'POST pods')).toHaveLength(1);
  expect(world.told).toHaveLength(1);
});

test.each<[string, (world: World) => void, string, RegExp]>([
  [
    'no such claim',
    (it) => (it.claim = undefined),
    'SourceNotFound',
    /no PersistentVolumeClaim runs\/suite; create it/,
  ],
  [
    'a claim without its volume',
    (it) => (it.claim = 'Lost'),
    'SourceRefused',
    /runs\/suite has lost its volume/,
  ],
  [
    'a namespace that is not restricted',
    (it) => (it.namespaceProblem = { reason: 'NamespaceNotRestricted', message: 'label it' }),
    'NamespaceNotRestricted',
    /label it/,
  ],
  [
    'a pod that is refused',
    (it) => (it.refusal = new KubeError('Forbidden', 'exceeded quota', { httpStatus: 403 })),
    'PodRefused',
    /spec\.tasks\.persistentVolumeClaim: suite, path "tasks": .*exceeded quota/,
  ],
])(
  '%s is a problem with its next step, and is looked at again',
  async (_name, fault, reason, message) => {
    fault(world);
    expect(await world.read()).toEqual({
      kind: 'problem',
      reason,
      message: expect.stringMatching(message) as string,
    });
    world.claim = 'Bound';
    world.namespaceProblem = undefined;
    world.refusal = undefined;
    expect(await world.later(30_000)).toMatchObject({ kind: 'problem' });
    expect(await world.later(31_000)).toMatchObject({ kind: 'reading' });
  },
);

test('a claim that is not bound yet may wait for its first pod', async () => {
  world.claim = 'Pending';
  expect(await world.read()).toMatchObject({ kind: 'reading' });
  expect(world.pod).toBeDefined();
});

test('what the pod found wrong costs another pod a minute later, then ever later', async () => {
  const wrong = { problem: { code: 'NotFound', message: 'no such file' } };
  await world.read();
  world.ended(wrong);
  const problem = {
    kind: 'problem',
    reason: 'SourceNotFound',
    message: expect.stringContaining('no such file') as string,
  };
  expect(await world.later()).toEqual(problem);
  expect(await world.later(59_000)).toEqual(problem);
  expect(await world.later(2000)).toMatchObject({ kind: 'reading' });
  world.ended({ problem: { code: 'InvalidTask', message: 'bad' } });
  expect(await world.later()).toMatchObject({ reason: 'SourceRefused' });
  expect(await world.later(119_000)).toMatchObject({ kind: 'problem' });
  expect(await world.later(2000)).toMatchObject({ kind: 'reading' });
  world.ended({ problem: { code: 'Timeout', message: 'the server is away' } });
  expect(await world.later()).toMatchObject({
    kind: 'reading',
    message: expect.stringMatching(/away; it is read again/) as string,
  });
});

test("a pod of its name that is not the batch's own is no proof of anything", async () => {
  await world.read();
  const { metadata } = world.pod as { metadata: object };
  world.pod = { ...world.pod, metadata: { ...metadata, ownerReferences: [] } };
  world.ended({ digest: DIGEST, tasks: 1 });
  await expect(world.later()).rejects.toMatchObject({ code: 'NotOwned' });
});

test.each<[string, (world: World) => void]>([
  ['while one is at work', () => undefined],
  ['that another process made', (it) => it.sources.forget(batch.metadata.uid ?? '')],
])('a batch that is over leaves no pod %s, and is asked for it once', async (_, before) => {
  await world.read();
  before(world);
  await world.sources.end(batch, call);
  expect(world.pod).toBeUndefined();
  const { length } = world.calls;
  await world.sources.end(batch, call);
  expect(world.calls).toHaveLength(length);
});

test('a batch whose tasks are on no volume is asked for no pod when it is over', async () => {
  await world.sources.end({ ...batch, spec: { ...batch.spec, tasks: {} } }, call);
  expect(world.calls).toEqual([]);
});

test("a pod of its name that is not the batch's own does not hold up its end", async () => {
  await world.read();
  const { metadata } = world.pod as { metadata: object };
  world.pod = { ...world.pod, metadata: { ...metadata, ownerReferences: [] } };
  await world.sources.end(batch, call);
  expect(world.pod).toBeDefined();
});

import { beforeEach, expect, test } from 'vitest';
import { asSha256 } from '../../../../src/base/brand.ts';
import type { PolicyPodBody, PolicyPodState } from '../../../../src/protocol/policy-api.ts';
import { ManualClock } from '../../../../test/support/manual-clock.ts';
import { batchOf } from '../../../../test/support/run-objects.ts';
import { ROLLOUT_SHAPE, sandboxRequest } from '../../../../test/support/sandbox-request.ts';
import { KubeError } from '../../../kube/base/kube-error.ts';
import type { Transport } from '../../../kube/client/transport.ts';
import { createKubeClient } from '../../../kube/client/typed-client.ts';
import { PolicyPods } from './policy-pods.ts';

const { installation } = sandboxRequest(ROLLOUT_SHAPE);
const call = { signal: new AbortController().signal, fieldManager: 'test' };
const run = {
  ...{ apiVersion: 'clawgym.io/v1alpha1', kind: 'TrainingRun' },
  metadata: { name: 'rl', namespace: 'lab', uid: 'uid-run' },
};
const RUNTIME = {
  ...{ apiVersion: 'clawgym.io/v1alpha1', kind: 'ClusterTrainingRuntime' },
  metadata: { name: 'rl' },
  spec: {
    ...{ contract: 'rl-tokens/v1', capabilities: { methods: ['full'], cpu: true } },
    trainer: { image: `trainer@sha256:${'a'.repeat(64)}` },
    policyServer: { image: `trainer@sha256:${'a'.repeat(64)}` },
  },
};

/** An API server with one runtime and the pod that was made, and what the server is told and says. */
class World {
  pod: Record<string, unknown> | undefined;
  made = 0;
  state: PolicyPodState = { phase: 'unheard', message: '' };
  readonly told: [string, PolicyPodBody][] = [];
  readonly ended: string[] = [];
  readonly policies = new PolicyPods({
    client: createKubeClient({ transport: this.#transport() }),
    server: {
      policyPod: async (uid, body) => {
        this.told.push([uid, body]);
        return this.state;
      },
      policyOf: async () => this.state,
      endPolicies: async (owner) => void this.ended.push(owner),
    },
    clock: new ManualClock(),
  });

  /** The next look, with the version that is the newest, for the batch that plays. */
  async look(version: number, batch: string) {
    const model = asSha256(String(version).repeat(64));
    const wanted = { model, version, name: 'policy', runtimeRef: undefined, batches: [batch] };
    const { served, condition } = await this.policies.look(run, wanted, installation, call);
    return [served, condition.reason];
  }

  #transport(): Transport {
    return {
      request: async ({ method, path, body }) => {
        if (path.includes('/networkpolicies/')) return body;
        if (path.endsWith('/clustertrainingruntimes/rl')) return RUNTIME;
        if (method === 'POST') return this.#make(body);
        if (this.pod === undefined) throw new KubeError('NotFound', path, { httpStatus: 404 });
        const found = this.pod;
        if (method === 'DELETE') this.pod = undefined;
        return found;
      },
      stream: () => Promise.reject(new Error('no stream is expected')),
      [Symbol.asyncDispose]: async () => undefined,
    };
  }

  #make(body: unknown): unknown {
    this.made += 1;
    const { metadata, ...rest } = Object(body);
    this.pod = { ...rest, metadata: { ...metadata, uid: `pod-${this.made}` } };
    return this.pod;
  }
}

let world: World;
beforeEach(() => {
  world = new World();
});

test('one pod of an owner is told of each version, and of the batch that it answers', async () => {
  expect(await world.look(0, 'step-1')).toEqual([false, 'Starting']);
  expect(world.pod).toMatchObject({
    metadata: { ownerReferences: [{ kind: 'TrainingRun', uid: 'uid-run', controller: true }] },
  });
  world.state = { phase: 'served', message: '', version: 0 };
  expect(await world.look(0, 'step-1')).toEqual([true, 'Served']);
  world.state = { phase: 'loading', message: '', version: 0 };
  expect(await world.look(1, 'step-2')).toEqual([false, 'Starting']);
  world.state = { phase: 'served', message: '', version: 1 };
  expect(await world.look(1, 'step-2')).toEqual([true, 'Served']);
  expect(world.made).toBe(1);
  expect(
    world.told.map(([uid, { owner, version, batches }]) => [uid, owner, version, batches]),
  ).toEqual([
    ['pod-1', 'uid-run', 0, ['step-1']],
    ['pod-1', 'uid-run', 1, ['step-2']],
    ['pod-1', 'uid-run', 1, ['step-2']],
  ]);
});

test('one that cannot load another version is replaced by one that starts with it', async () => {
  await world.look(0, 'step-1');
  world.state = { phase: 'loading', message: 'status 404', version: 0 };
  expect(await world.look(1, 'step-2')).toEqual([false, 'Starting']);
  expect(world.pod).toBeUndefined();
  await world.look(1, 'step-2');
  expect(world.made).toBe(2);
  const spec = JSON.stringify(world.pod);
  expect(spec).toContain('/clawgym/models/v-1');
});

test('one that ended is replaced, after a pause', async () => {
  await world.look(0, 'step-1');
  world.pod = { ...world.pod, status: { phase: 'Failed', reason: 'Evicted' } };
  expect(await world.look(0, 'step-1')).toEqual([false, 'PodFailed']);
  expect(world.pod).toBeUndefined();
  expect(await world.look(0, 'step-1')).toEqual([false, 'PodFailed']);
  expect(world.made).toBe(1);
});

test('an owner that is over has no pod', async () => {
  await world.look(0, 'step-1');
  await world.policies.end(run, call);
  expect([world.pod, world.ended]).toEqual([undefined, ['uid-run']]);
});

test('a batch that another owner has a pod for makes none', async () => {
  const metadata = { ownerReferences: [{ ...run, name: 'rl', uid: 'uid-run', controller: true }] };
  const batch = batchOf('rl-step-1', {}, {}, metadata);
  const wanted = { model: asSha256('0'.repeat(64)), version: 0, name: 'policy' };
  const look = () => world.policies.lent(batch, { ...wanted, runtimeRef: undefined }, call);
  expect(await look()).toMatchObject({
    ...{ served: false, condition: { reason: 'Starting' } },
  });
  world.state = { phase: 'served', message: '' };
  expect(await look()).toMatchObject({
    ...{ served: true, condition: { message: expect.stringContaining('TrainingRun rl') } },
  });
  expect(world.made).toBe(0);
});

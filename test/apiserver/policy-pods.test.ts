import { beforeAll, describe, test } from 'vitest';
import {
  type RuntimeSpec,
  trainingRuns,
  trainingRuntimes,
} from '../../operator/controllers/shared/kinds.ts';
import { networkPolicies } from '../../operator/controllers/shared/kube-kinds.ts';
import { sandboxPods } from '../../operator/controllers/shared/pods.ts';
import { LABELS } from '../../src/protocol/pod-contract.ts';
import { BatchBed } from '../support/batch/batch-bed.ts';
import { installCrds } from '../support/clawgym-layer.ts';
import { layerCluster } from '../support/layer-cluster.ts';

const cluster = layerCluster();
const LIMIT = { timeout: 60_000, interval: 50 };
const MODEL = 'b'.repeat(64);
const IMAGE = `registry.example.com/trainer@sha256:${'c'.repeat(64)}`;
const RUNTIME = { kind: 'TrainingRuntime', name: 'serve' };

beforeAll(async () => installCrds(cluster), 120_000);

const open = () => BatchBed.open(cluster.kubeconfigPath);
const batchOf = (model: object) => ({
  agent: { name: 'pi' },
  model: { name: 'mine', runtimeRef: RUNTIME, ...model },
});
const policyPods = async (bed: BatchBed) =>
  (await bed.pods()).filter(({ metadata }) => metadata.labels?.[LABELS.policy] === 'true');

async function makeRuntime(bed: BatchBed): Promise<void> {
  const spec = {
    ...{ contract: 'rl-tokens/v1', capabilities: { methods: ['full'] } },
    ...{ trainer: { image: IMAGE }, policyServer: { image: IMAGE } },
  } as unknown as RuntimeSpec;
  const metadata = { name: RUNTIME.name, namespace: bed.namespace };
  await bed.client.for(trainingRuntimes).apply({ metadata, spec }, { ...bed.call, force: true });
}

describe.concurrent('a batch whose agents ask a model of ours', () => {
  test('waits for its policy pod, runs once it is served, and leaves none', async ({ expect }) => {
    await using bed = await open();
    await using _life = bed.start();
    const served = () => bed.condition('demo', 'ModelServed');
    const { metadata } = await bed.create('demo', batchOf({ artifact: `sha256:${MODEL}` }));
    await expect.poll(served, LIMIT).toBe('False RuntimeNotFound');
    expect(await bed.condition('demo', 'Progressing')).toBe('False ModelNotServed');
    await makeRuntime(bed);
    await expect.poll(served, LIMIT).toBe('False Unschedulable');
    const [pod] = await policyPods(bed);
    expect(bed.server.policyPods.get(pod?.metadata.uid ?? '')).toEqual({
      ...{
        namespace: bed.namespace,
        owner: metadata.uid,
        batches: [],
        name: 'mine',
        model: MODEL,
        version: 0,
      },
    });
    const policy = { namespace: bed.namespace, name: 'clawgym-policy-server' };
    await bed.client.for(networkPolicies).get(policy, bed.call);
    expect(await bed.jobs()).toEqual([]);
    bed.server.policyState = { phase: 'refused', message: 'its canary differs' };
    await expect.poll(served, LIMIT).toBe('False CanaryFailed');
    expect(await bed.condition('demo', 'Stalled')).toBe('True NeedsAction');
    bed.server.policyState = { phase: 'served', message: '' };
    await expect.poll(() => bed.complete('demo'), LIMIT).toBe(true);
    await expect.poll(() => policyPods(bed), LIMIT).toEqual([]);
    await expect.poll(served, LIMIT).toBe('False NotNeeded');
    expect(bed.server.policyPods.size).toBe(0);
  });

  test('gets another pod for one that is lost, and none while it is suspended', async ({
    expect,
  }) => {
    await using bed = await open();
    await makeRuntime(bed);
    bed.script = () => 'hang';
    bed.server.policyState = { phase: 'served', message: '' };
    await using _life = bed.start();
    await bed.create('demo', batchOf({ artifact: `sha256:${MODEL}` }));
    await expect.poll(() => bed.condition('demo', 'ModelServed'), LIMIT).toBe('True Served');
    const [first] = await policyPods(bed);
    const lost = { namespace: bed.namespace, name: first?.metadata.name ?? '' };
    await bed.client.for(sandboxPods).delete(lost, bed.call);
    const uids = async () => (await policyPods(bed)).map(({ metadata }) => metadata.uid);
    await expect.poll(uids, LIMIT).toEqual([expect.not.stringMatching(first?.metadata.uid ?? 'x')]);
    await bed.change('demo', { suspend: true });
    await expect.poll(uids, LIMIT).toEqual([]);
  });

  test('is planned with the model that its TrainingRun ended with', async ({ expect }) => {
    await using bed = await open();
    await makeRuntime(bed);
    bed.server.policyState = { phase: 'served', message: '' };
    await using _life = bed.start();
    const metadata = { name: 'sft', namespace: bed.namespace };
    const spec = {
      ...{ base: { artifact: `sha256:${'d'.repeat(64)}` }, hyper: { epochs: 1 } },
      ...{ data: { artifact: `sha256:${'e'.repeat(64)}` }, managedBy: 'example.com/test' },
    } as unknown as never;
    const runs = bed.client.for(trainingRuns);
    await runs.apply({ metadata, spec }, { ...bed.call, force: true });
    await bed.create('demo', batchOf({ trainingRun: { name: 'sft' } }));
    await expect
      .poll(() => bed.condition('demo', 'Planned'), LIMIT)
      .toBe('Unknown WaitingForModel');
    const done = { type: 'Complete', status: 'True', reason: 'Complete', message: '' } as const;
    const conditions = [{ ...done, lastTransitionTime: '2026-01-01T00:00:00Z' }];
    const status = { model: { digest: MODEL }, conditions };
    await runs.applyStatus({ metadata, status }, { ...bed.call, force: true });
    await expect.poll(() => bed.complete('demo'), LIMIT).toBe(true);
  });
});

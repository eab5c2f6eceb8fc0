import { beforeAll, describe, test } from 'vitest';
import { rolloutBatches, synthesisJobs } from '../../operator/controllers/shared/kinds.ts';
import { isNotFound } from '../../operator/kube/base/kube-error.ts';
import { controllerRef } from '../../operator/kube/objects/owner-references.ts';
import { asSha256 } from '../../src/base/brand.ts';
import { LABELS } from '../../src/protocol/pod-contract.ts';
import type { GateRound } from '../../src/protocol/synthesis-server.ts';
import { BatchBed } from '../support/batch/batch-bed.ts';
import { installCrds } from '../support/clawgym-layer.ts';
import { kstatus } from '../support/kstatus.ts';
import { layerCluster } from '../support/layer-cluster.ts';

const LIMIT = { timeout: 40_000, interval: 50 };
const COLLECTED = { timeout: 60_000, interval: 100 };
const TASK_SET = asSha256('ab'.repeat(32));
const ROUND: GateRound = {
  ...{ id: 1, run: 'nop', trial: true, agent: 'nop', samples: 1 },
  taskSet: asSha256('cd'.repeat(32)),
};
const MODEL = { name: 'm', upstreamSecretRef: { name: 'lab' } };
const SPEC = {
  ...{ target: 3, routes: { personas: {} } },
  models: { generator: MODEL, judge: MODEL },
};

beforeAll(async () => installCrds(layerCluster()), 120_000);

/** A namespace with one SynthesisJob, as a user makes it. */
class SynthesisLife implements AsyncDisposable {
  readonly bed: BatchBed;
  readonly #key;

  private constructor(bed: BatchBed) {
    this.bed = bed;
    this.#key = { namespace: bed.namespace, name: 'sums' };
  }

  static async open(): Promise<SynthesisLife> {
    return new SynthesisLife(await BatchBed.open(layerCluster().kubeconfigPath));
  }

  get jobs() {
    return this.bed.client.for(synthesisJobs);
  }

  async apply(spec: object = {}) {
    const { call } = this.bed;
    const wanted = { metadata: this.#key, spec: { ...SPEC, ...spec } };
    return await this.jobs.apply(wanted, { ...call, force: true });
  }

  async get() {
    return await this.jobs.get(this.#key, this.bed.call).catch((thrown: unknown) => {
      if (isNotFound(thrown)) return undefined;
      throw thrown;
    });
  }

  async uid(): Promise<string> {
    return (await this.get())?.metadata.uid ?? '';
  }

  /** `Status Reason` of a condition. */
  async condition(type: string): Promise<string | undefined> {
    const found = (await this.get())?.status?.conditions?.find((each) => each.type === type);
    return found && `${found.status} ${found.reason}`;
  }

  /** Worker Jobs that stay. */
  async workers() {
    const all = await this.bed.jobs();
    return all.filter(
      ({ metadata }) =>
        metadata.labels?.[LABELS.synthesis] !== undefined &&
        metadata.deletionTimestamp === undefined,
    );
  }

  async children() {
    const { client, call, namespace } = this.bed;
    const { items } = await client.for(rolloutBatches).list({ namespace }, call);
    return items.filter(({ metadata }) => metadata.ownerReferences?.[0]?.kind === 'SynthesisJob');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bed[Symbol.asyncDispose]();
  }
}

describe.concurrent('a SynthesisJob', () => {
  test('has a worker and gate batches, and gives its tasks to a run that waits for them', async ({
    expect,
  }) => {
    await using it = await SynthesisLife.open();
    const { bed } = it;
    const { synthesis } = bed.server;
    await using _life = bed.start();
    await bed.create('waiting', { tasks: { synthesisJob: { name: 'sums' } } });
    await expect
      .poll(() => bed.condition('waiting', 'Planned'), LIMIT)
      .toBe('False SourceNotFound');
    const made = await it.apply();
    await expect.poll(() => it.workers(), LIMIT).toHaveLength(1);
    const [worker] = await it.workers();
    expect(worker?.metadata.ownerReferences).toEqual([controllerRef(made)]);
    const uid = await it.uid();
    await expect.poll(() => synthesis.job(uid).state.worker, LIMIT).toBe(worker?.metadata.uid);
    synthesis.change(uid, { rounds: [ROUND], records: 1, open: 1, startedAt: Date.now() });
    await expect.poll(() => it.children(), LIMIT).toHaveLength(1);
    const [gate] = await it.children();
    await expect
      .poll(() => synthesis.job(uid).state.rounds[0]?.batch, LIMIT)
      .toBe(gate?.metadata.uid);
    await expect.poll(() => it.condition('Progressing'), LIMIT).toBe('True Running');
    const result = { ended: 'TargetReached', taskSet: TASK_SET, at: Date.now() } as const;
    synthesis.change(uid, { result, accepted: 3, open: 0, rounds: [] });
    await expect.poll(() => it.condition('Complete'), LIMIT).toBe('True TargetReached');
    expect(await it.workers()).toEqual([]);
    const ended = await it.get();
    expect(ended?.status).toMatchObject({ taskSet: TASK_SET, progress: '3/3', accepted: 3 });
    expect(ended && kstatus(ended)).toBe('Current');
    await expect.poll(() => bed.complete('waiting'), LIMIT).toBe(true);
  });

  test('stands still while it is suspended, and fails at its deadline', async ({ expect }) => {
    await using it = await SynthesisLife.open();
    const { synthesis } = it.bed.server;
    await using _life = it.bed.start();
    await it.apply({ activeDeadlineSeconds: 1000 });
    await expect.poll(() => it.workers(), LIMIT).toHaveLength(1);
    const uid = await it.uid();
    synthesis.change(uid, { records: 1, open: 1, startedAt: Date.now() });
    await it.apply({ activeDeadlineSeconds: 1000, suspend: true });
    await expect.poll(() => it.condition('Suspended'), LIMIT).toBe('True SuspendRequested');
    expect(await it.workers()).toEqual([]);
    await it.apply({ activeDeadlineSeconds: 1000, parallelism: 2 });
    await expect.poll(() => it.workers(), LIMIT).toHaveLength(1);
    await expect.poll(() => synthesis.job(uid).state.steering.parallelism, LIMIT).toBe(2);
    await expect.poll(() => it.condition('Progressing'), LIMIT).toBe('True Running');
    it.bed.aheadMs = 2_000_000;
    await expect.poll(() => it.condition('Failed'), LIMIT).toBe('True DeadlineExceeded');
    expect([synthesis.job(uid).state.cancelled, await it.workers()]).toEqual([
      ...['DeadlineExceeded', []],
    ]);
    await it.apply({ activeDeadlineSeconds: 1000, ttlSecondsAfterFinished: 0 });
    await expect.poll(() => it.get(), LIMIT).toBeUndefined();
  });

  test('says what holds it up, and takes what is its own along', async ({ expect }) => {
    await using it = await SynthesisLife.open();
    const { synthesis } = it.bed.server;
    await using _life = it.bed.start();
    const source = { configMap: { name: 'people', key: 'x' } };
    await it.apply({ routes: { personas: { source } } });
    await expect.poll(() => it.condition('Planned'), LIMIT).toBe('False SeedsNotFound');
    expect(await it.condition('Stalled')).toBe('True NeedsAction');
    await it.jobs.delete({ namespace: it.bed.namespace, name: 'sums' }, it.bed.call);
    await expect.poll(() => it.get(), LIMIT).toBeUndefined();
    await it.apply();
    await expect.poll(() => it.workers(), LIMIT).toHaveLength(1);
    const uid = await it.uid();
    synthesis.change(uid, {
      modelHold: { reason: 'UpstreamUnfit', message: 'Secret lab does not exist' },
    });
    await expect.poll(() => it.condition('Progressing'), LIMIT).toBe('False UpstreamUnfit');
    synthesis.change(uid, { modelHold: undefined } as object);
    await expect.poll(() => it.condition('Progressing'), LIMIT).toBe('True Starting');
    const policy = { ...it.bed.call, propagationPolicy: 'Background' } as const;
    await it.jobs.delete({ namespace: it.bed.namespace, name: 'sums' }, policy);
    await expect.poll(() => synthesis.job(uid).state.cancelled, LIMIT).toBe('Deleted');
    await expect.poll(() => it.workers(), COLLECTED).toEqual([]);
  });
});

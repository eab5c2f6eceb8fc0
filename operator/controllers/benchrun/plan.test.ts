import { describe, expect, test } from 'vitest';
import { rolloutBatch } from '../../../src/api/rollout-batch.ts';
import { armBatchOf, BATCH, benchOf, condition, NOW } from '../../../test/support/run-objects.ts';
import { DIGEST } from '../../../test/support/sample-objects.ts';
import type { BatchStatus, RolloutBatch } from '../shared/kinds.ts';
import { armBatchName } from './arm-batch.ts';
import type { BenchRun } from './kinds.ts';
import { type BenchPlan, benchStart, planBench } from './plan.ts';

const OTHER = 'ab'.repeat(32);

const plan = (bench: BenchRun, ...batches: readonly RolloutBatch[]): BenchPlan =>
  planBench(bench, batches, NOW);
/** Arms that are begun, by name. */
const begun = (bench: BenchRun, { create }: BenchPlan): readonly string[] =>
  create.map(
    ({ metadata }) =>
      bench.spec.arms.find(({ name }) => armBatchName(bench, name) === metadata.name)?.name ??
      metadata.labels?.['clawgym.io/arm'] ??
      '?',
  );
const batch = (bench: BenchRun, arm: string, status: unknown, spec = {}, meta = {}): RolloutBatch =>
  armBatchOf(bench, arm, status as BatchStatus, spec, meta);

const THREE = {
  arms: ['a', 'b', 'c'].map((name) => ({ name, agent: { name: 'nop' } })),
};

describe('which arms are begun', () => {
  test.each<[string, Record<string, unknown>, Record<string, unknown>, readonly string[]]>([
    ['only the first reads the source', {}, {}, ['a']],
    ['none while the first is not planned', {}, { a: BATCH.fresh }, []],
    ['the others with the frozen set', {}, { a: BATCH.planned }, ['b', 'c']],
    ['the others, whichever arm froze it', {}, { b: BATCH.planned }, ['a', 'c']],
    ['none where all are there', {}, { a: BATCH.planned, b: BATCH.fresh, c: BATCH.fresh }, []],
    ['none while suspended', { suspend: true }, {}, []],
    ['no others while suspended', { suspend: true }, { a: BATCH.planned }, []],
    ['as many as there are places', { parallelism: 1 }, { a: BATCH.running }, []],
    ['the next one when a place is free', { parallelism: 1 }, { a: BATCH.complete }, ['b']],
    ['two on two places', { parallelism: 2 }, { a: BATCH.running }, ['b']],
    ['none after a failure', {}, { a: BATCH.failed }, []],
    ['none after the deadline', { activeDeadlineSeconds: 30 }, { a: BATCH.running }, []],
    ['before the deadline', { activeDeadlineSeconds: 90 }, { a: BATCH.running }, ['b', 'c']],
  ])('%s', (_name, spec, statuses, expected) => {
    const bench = benchOf({ ...THREE, ...spec });
    const batches = Object.entries(statuses).map(([arm, status]) => batch(bench, arm, status));
    expect(begun(bench, plan(bench, ...batches))).toEqual(expected);
  });

  test.each([
    ['Complete', { conditions: [condition('Complete')] }, {}],
    ['Failed', { conditions: [condition('Failed')] }, {}],
    ['being deleted', undefined, { deletionTimestamp: '2026-01-01T00:00:59Z' }],
  ])('none for a bench that is %s, also where its batches are gone', (_name, status, meta) => {
    const bench = benchOf(THREE, status, meta);
    expect(plan(bench)).toMatchObject({ create: [], change: [] });
    expect(plan(bench, batch(bench, 'a', BATCH.planned))).toMatchObject({ create: [], change: [] });
  });

  test('an arm whose batch was deleted is begun again, with the set that the others run', () => {
    const bench = benchOf(THREE);
    const others = ['b', 'c'].map((arm) => batch(bench, arm, BATCH.running));
    const [again] = plan(bench, ...others).create;
    expect(again?.spec.tasks).toEqual({ digest: DIGEST });
  });

  test('an arm whose batch is still being deleted waits for its end', () => {
    const bench = benchOf(THREE);
    const going = { deletionTimestamp: '2026-01-01T00:00:59Z' };
    const batches = ['a', 'b', 'c'].map((arm) =>
      batch(bench, arm, BATCH.running, {}, arm === 'b' ? going : {}),
    );
    expect(plan(bench, ...batches)).toMatchObject({ create: [], change: [] });
  });

  test('a cheat without a family is an arm a family, each with a batch', () => {
    const arms = [{ name: 'cheat', agent: { name: 'cheat' } }];
    const bench = benchOf({ arms });
    const first = plan(bench);
    expect(first.arms).toHaveLength(20);
    expect(begun(bench, first)).toEqual(['cheat-reward-json-module']);
    const rest = plan(bench, batch(bench, 'cheat-reward-json-module', BATCH.planned));
    expect(rest.create).toHaveLength(19);
    expect(new Set(rest.create.map(({ metadata }) => metadata.name)).size).toBe(19);
    expect(rest.create[0]?.spec.agent).toEqual({ name: 'cheat', family: 'cwd-modules' });
  });
});

describe('the batch of an arm', () => {
  const bench = benchOf({
    tasks: { configMap: { name: 'tasks', key: 'set' }, taskIds: ['a'] },
    arms: [
      { name: 'pi', agent: { name: 'pi' }, model: model(), budgets: { turns: 3 } },
      { name: 'lazy', agent: { name: 'lazy' } },
    ],
    attempts: 4,
    parallelism: 7,
    budgets: { tokens: 5 },
    limits: { memoryMiB: 99 },
    retries: { infraRetries: 1 },
    verification: { score: 'flat' },
    sandbox: { queueName: 'q' },
    gatewayLossSeconds: 11,
    claimWaitSeconds: 12,
    startDeadlineSeconds: 13,
    activeDeadlineSeconds: 600,
    ttlSecondsAfterFinished: 5,
    managedBy: 'clawgym.io/operator',
  });
  const [first] = plan(bench).create;
  const [second] = plan(bench, batch(bench, 'pi', BATCH.running)).create;

  test('says what the bench says', () => {
    expect(first?.spec).toMatchObject({
      tasks: { configMap: { name: 'tasks', key: 'set' }, taskIds: ['a'] },
      agent: { name: 'pi' },
      model: model(),
      samples: 4,
      parallelism: 4,
      budgets: { turns: 3 },
      limits: { memoryMiB: 99 },
      retries: { infraRetries: 1, disruptionLimit: 20 },
      verification: { score: 'flat' },
      sandbox: { queueName: 'q' },
      gatewayLossSeconds: 11,
      claimWaitSeconds: 12,
      startDeadlineSeconds: 13,
      activeDeadlineSeconds: 600,
      suspend: false,
    });
    expect(second?.spec).toMatchObject({
      tasks: { digest: DIGEST, taskIds: ['a'] },
      budgets: { tokens: 5 },
      parallelism: 3,
    });
  });

  test('is kept for as long as the bench, and is managed by this operator', () => {
    expect(first?.spec).not.toHaveProperty('ttlSecondsAfterFinished');
    expect(first?.spec).not.toHaveProperty('managedBy');
  });

  test('belongs to the bench, has a name of its own and fits its schema', () => {
    expect(first?.metadata).toMatchObject({
      name: armBatchName(bench, 'pi'),
      namespace: 'lab',
      labels: { 'clawgym.io/benchrun': 'first', 'clawgym.io/arm': 'pi' },
      ownerReferences: [{ kind: 'BenchRun', uid: bench.metadata.uid, controller: true }],
    });
    const object = { apiVersion: 'clawgym.io/v1alpha1', kind: 'RolloutBatch', ...first };
    expect(rolloutBatch.schema.safeParse(object).error?.issues).toBeUndefined();
  });

  test('has a name within the bound that all kinds have', () => {
    for (const [name, arm] of [
      ['x'.repeat(40), 'y'.repeat(32)],
      ['x'.repeat(40), 'y'],
      ['x', 'y'.repeat(32)],
      ['a-b-c-d-e-f-g-h-i-j-k-l-m-n-o-p-q-r', 'a-b-c-d-e-f-g-h-i-j-k'],
    ] as const) {
      const made = armBatchName(benchOf({}, undefined, { name }), arm);
      expect(made).toMatch(/^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])$/);
      expect(made).not.toBe(armBatchName(benchOf({}, undefined, { name, uid: 'next' }), arm));
    }
  });
});

function model() {
  return { name: 'm', upstreamSecretRef: { name: 's' } };
}

describe('what is passed on to arms that run', () => {
  const running = (spec: Record<string, unknown>, batchSpec: Record<string, unknown> = {}) => {
    const bench = benchOf({ ...THREE, ...spec });
    const batches = ['a', 'b', 'c'].map((arm) => batch(bench, arm, BATCH.running, batchSpec));
    return plan(bench, ...batches).change.map((change) => change.spec);
  };

  test.each<[string, Record<string, unknown>, Record<string, unknown>, readonly unknown[]]>([
    ['nothing where all is equal', {}, {}, []],
    ['suspend', { suspend: true }, {}, Array(3).fill({ suspend: true })],
    ['resume', {}, { suspend: true }, Array(3).fill({ suspend: false })],
    ['a share of the parallelism', { parallelism: 7 }, { parallelism: 2 }, [{ parallelism: 3 }]],
    ['no parallelism any more', {}, { parallelism: 2 }, Array(3).fill({ parallelism: null })],
    [
      'a pause for those without a place',
      { parallelism: 2 },
      { parallelism: 1 },
      [{ suspend: true }],
    ],
    ['a deadline', { activeDeadlineSeconds: 90 }, {}, Array(3).fill({ activeDeadlineSeconds: 90 })],
    [
      'no deadline any more',
      {},
      { activeDeadlineSeconds: 90 },
      Array(3).fill({ activeDeadlineSeconds: null }),
    ],
    [
      'several at once, and none that a batch keeps as it was planned',
      { gatewayLossSeconds: 9, startDeadlineSeconds: 7, activeDeadlineSeconds: 90 },
      {},
      Array(3).fill({ startDeadlineSeconds: 7, activeDeadlineSeconds: 90 }),
    ],
    [
      'the end of the bench, counted from the arm itself',
      { activeDeadlineSeconds: 30 },
      { activeDeadlineSeconds: 600 },
      Array(3).fill({ activeDeadlineSeconds: 30 }),
    ],
  ])('%s', (_name, spec, batchSpec, expected) => {
    expect(running(spec, batchSpec)).toEqual(expected);
  });

  test('an arm that is done is left alone, and its share goes to the others', () => {
    const bench = benchOf({ ...THREE, parallelism: 6, suspend: false });
    const batches = [
      batch(bench, 'a', BATCH.complete, { parallelism: 2 }),
      batch(bench, 'b', BATCH.running, { parallelism: 2 }),
      batch(bench, 'c', BATCH.running, { parallelism: 2 }),
    ];
    const { change } = plan(bench, ...batches);
    expect(change.map((each) => each.spec)).toEqual([{ parallelism: 3 }, { parallelism: 3 }]);
  });

  test('an arm that started later than the bench ends with it', () => {
    const bench = benchOf({ ...THREE, activeDeadlineSeconds: 30 });
    const late = { ...BATCH.running, startTime: '2026-01-01T00:00:20Z' };
    const own = { activeDeadlineSeconds: 30 };
    const batches = [
      batch(bench, 'a', BATCH.running, own),
      batch(bench, 'b', late, own),
      batch(bench, 'c', BATCH.planned, own),
    ];
    const { change, failure, allOver } = plan(bench, ...batches);
    expect(change.map((each) => each.spec)).toEqual([
      { activeDeadlineSeconds: 10 },
      { suspend: true },
    ]);
    expect(failure?.reason).toBe('DeadlineExceeded');
    expect(allOver).toBe(false);
  });
});

describe('what stops a bench', () => {
  test('task sets that differ: nothing more is done', () => {
    const bench = benchOf(THREE);
    const batches = [
      batch(bench, 'a', BATCH.running),
      batch(bench, 'b', { ...BATCH.running, taskSet: OTHER }),
    ];
    const { problem, create, change } = plan(bench, ...batches);
    expect(problem?.reason).toBe('TaskSetsDiffer');
    expect(problem?.message).toContain('a 0123456789ab, b abababababab');
    expect({ create, change }).toEqual({ create: [], change: [] });
  });

  test.each([
    [
      'too many arms',
      [
        { name: 'x', agent: { name: 'cheat' } },
        { name: 'y', agent: { name: 'cheat' } },
      ],
      /40 arms, at most 32/,
    ],
    [
      'two arms of one name',
      [
        { name: 'x', agent: { name: 'cheat' } },
        { name: 'x-daemon', agent: { name: 'nop' } },
      ],
      /two arms are called x-daemon/,
    ],
  ])('%s', (_name, arms, message) => {
    const { problem, create } = plan(benchOf({ arms }));
    expect(problem).toMatchObject({
      reason: 'InvalidArms',
      message: expect.stringMatching(message),
    });
    expect(create).toEqual([]);
  });

  test('the deadline does not run out while the bench is suspended', () => {
    const bench = benchOf({ ...THREE, activeDeadlineSeconds: 30, suspend: true });
    expect(plan(bench, batch(bench, 'a', BATCH.running))).toMatchObject({
      deadline: undefined,
      failure: undefined,
    });
  });

  test('it begins anew when a suspended bench goes on, and stays so over restarts', () => {
    const pause = condition('Suspended', 'True', 'SuspendRequested');
    const paused = { startTime: '2025-12-31T23:00:00Z', conditions: [pause] };
    const resumed = benchOf({ ...THREE, activeDeadlineSeconds: 30 }, paused);
    const arm = batch(resumed, 'a', BATCH.running);
    expect(plan(resumed, arm)).toMatchObject({ deadline: NOW + 30_000, failure: undefined });
    expect(benchStart(resumed, plan(resumed, arm).arms, NOW)).toBe(NOW);
    const going = { startTime: new Date(NOW - 5000).toISOString(), conditions: [] };
    const later = benchOf({ ...THREE, activeDeadlineSeconds: 30 }, going);
    expect(plan(later, batch(later, 'a', BATCH.running)).deadline).toBe(NOW + 25_000);
  });

  test.each<[string, readonly unknown[], boolean, string | undefined]>([
    ['every arm is complete', [BATCH.complete, BATCH.complete, BATCH.complete], true, undefined],
    ['one arm runs', [BATCH.complete, BATCH.complete, BATCH.running], false, undefined],
    [
      'one failed, one runs',
      [BATCH.failed, BATCH.complete, BATCH.running],
      false,
      'DeadlineExceeded',
    ],
    [
      'one failed, the others are done',
      [BATCH.complete, BATCH.failed, BATCH.complete],
      true,
      'DeadlineExceeded',
    ],
    ['one failed, one was never begun', [BATCH.failed, BATCH.complete], true, 'DeadlineExceeded'],
    [
      'one failed for another reason',
      [{ ...BATCH.failed, conditions: [condition('Failed', 'True', 'PlanRefused')] }],
      true,
      'ArmFailed',
    ],
  ])('over where %s', (_name, statuses, allOver, reason) => {
    const bench = benchOf(THREE);
    const batches = statuses.map((status, index) => batch(bench, 'abc'[index] ?? '', status));
    const made = plan(bench, ...batches);
    expect(made.allOver).toBe(allOver);
    expect(made.failure?.reason).toBe(reason);
  });

  test('a failure that was said stays, whatever the arms come to', () => {
    const said = condition('FailureTarget', 'True', 'DeadlineExceeded', 'too late');
    const bench = benchOf(THREE, { conditions: [said] });
    const batches = ['a', 'b', 'c'].map((arm) => batch(bench, arm, BATCH.complete));
    expect(plan(bench, ...batches).failure).toEqual({
      reason: 'DeadlineExceeded',
      message: 'too late',
    });
  });
});

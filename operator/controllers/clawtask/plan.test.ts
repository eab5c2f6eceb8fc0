import { describe, expect, test } from 'vitest';
import { rolloutBatch } from '../../../src/api/rollout-batch.ts';
import { asSha256 } from '../../../src/base/brand.ts';
import type { TaskSetAnswer } from '../../../src/protocol/operator-api.ts';
import { BATCH, batchOf, condition, taskOf } from '../../../test/support/run-objects.ts';
import type { BatchStatus, ClawTask, RolloutBatch } from '../shared/kinds.ts';
import { type FrozenTask, planTask, runVerdict } from './plan.ts';

const SET = asSha256('aa'.repeat(32));
const frozenAs = (
  digest: string,
  more: Partial<TaskSetAnswer['tasks'][number]> = {},
): FrozenTask => ({
  taskSet: SET,
  facts: {
    ...{ id: 'Rename.v2', digest: asSha256(digest.repeat(32)), agentCode: 'none', problems: [] },
    ...{ hasSolution: true, hasVerifier: true },
    ...more,
  },
});
const FROZEN = frozenAs('1d');

/** The batches that the plan wants, as if they were made, with a status. */
function made(task: ClawTask, frozen: FrozenTask, status: unknown, spec = {}): RolloutBatch[] {
  return planTask({ ...task, spec: { ...task.spec, suspend: false } }, frozen, []).create.map(
    ({ metadata }) => batchOf(metadata.name, status as BatchStatus, spec),
  );
}

describe('the runs of a task', () => {
  test.each<
    [
      string,
      Partial<TaskSetAnswer['tasks'][number]>,
      Record<string, unknown>,
      readonly (readonly [string, number])[],
    ]
  >([
    [
      'all four',
      {},
      {},
      [
        ['nop', 3],
        ['lazy', 1],
        ['solution', 5],
        ['cheat', 20],
      ],
    ],
    [
      'without a solution',
      { hasSolution: false },
      {},
      [
        ['nop', 3],
        ['lazy', 5],
        ['cheat', 20],
      ],
    ],
    ['of a judge: none', { hasVerifier: false }, {}, []],
    ['after static problems: none', { problems: ['x'] }, {}, []],
    ['while suspended: none', {}, { suspend: true }, []],
  ])('%s', (_name, facts, spec, expected) => {
    const { create } = planTask(taskOf(spec), frozenAs('1d', facts), []);
    expect(create.map((batch) => [batch.spec.agent.name, batch.spec.samples])).toEqual(expected);
  });

  test('run the frozen task by digest, belong to it and fit their schema', () => {
    for (const batch of planTask(taskOf(), FROZEN, []).create) {
      expect(batch.spec.tasks).toEqual({ digest: SET, taskIds: ['Rename.v2'] });
      expect(batch.metadata).toMatchObject({
        namespace: 'lab',
        labels: { 'clawgym.io/clawtask': 'rename' },
        ownerReferences: [{ kind: 'ClawTask', uid: 'uid-task-rename', controller: true }],
      });
      const object = { apiVersion: 'clawgym.io/v1alpha1', kind: 'RolloutBatch', ...batch };
      expect(rolloutBatch.schema.safeParse(object).error?.issues).toBeUndefined();
    }
  });

  test('have names of their own: of the run, the task, its digest and its uid', () => {
    const names = (task: ClawTask, frozen: FrozenTask) =>
      planTask(task, frozen, []).create.map(({ metadata }) => metadata.name);
    const all = [
      ...names(taskOf(), FROZEN),
      ...names(taskOf(), frozenAs('2d')),
      ...names(taskOf({}, undefined, { uid: 'again' }), FROZEN),
    ];
    expect(new Set(all).size).toBe(12);
    expect(names(taskOf(), FROZEN)).toEqual(
      names(taskOf({}, undefined, { generation: 9 }), FROZEN),
    );
  });

  test('that are there are not made again, and those of a former task go', () => {
    const task = taskOf();
    const batches = made(task, FROZEN, BATCH.running);
    expect(planTask(task, FROZEN, batches)).toMatchObject({ create: [], change: [], remove: [] });
    const next = planTask(task, frozenAs('2d'), batches);
    expect(next.remove).toEqual(batches);
    expect(next.create).toHaveLength(4);
  });

  test('that are going already are not deleted again', () => {
    const task = taskOf();
    const going = { deletionTimestamp: '2026-01-01T00:00:00Z' };
    const batches = [batchOf('old', {}, {}, going)];
    expect(planTask(task, FROZEN, batches).remove).toEqual([]);
  });

  test.each<[string, boolean, boolean, unknown, number]>([
    ['are paused with the task', true, false, BATCH.running, 4],
    ['go on with the task', false, true, BATCH.running, 4],
    ['that are done are left alone', true, false, BATCH.complete, 0],
    ['that say what the task says are left alone', true, true, BATCH.running, 0],
  ])('%s', (_name, suspend, paused, status, changes) => {
    const task = taskOf({ suspend });
    const batches = made(task, FROZEN, status, { suspend: paused });
    const { change, create } = planTask(task, FROZEN, batches);
    expect({ changes: change.length, create }).toEqual({ changes, create: [] });
  });
});

describe('what is said of a run without rows', () => {
  const stalled = { conditions: [condition('Stalled', 'True', 'NeedsAction', 'label it')] };
  test.each<[string, unknown, boolean, Record<string, unknown>, string, RegExp]>([
    ['not there', undefined, false, {}, 'Waiting', /not begun/],
    ['not there, suspended', undefined, true, {}, 'Suspended', /spec\.suspend/],
    ['fresh', BATCH.fresh, false, {}, 'Running', /is planned/],
    ['running', BATCH.running, false, {}, 'Running', /2 of 6 rollouts/],
    ['paused', BATCH.running, true, { suspend: true }, 'Suspended', /spec\.suspend/],
    ['stalled', stalled, false, {}, 'RunStalled', /RolloutBatch b: label it/],
    ['failed', BATCH.failed, false, {}, 'RunFailed', /took too long.*delete rolloutbatch b/],
  ])('%s', (_name, status, suspended, spec, reason, message) => {
    const batch = status === undefined ? undefined : batchOf('b', status as BatchStatus, spec);
    const verdict = runVerdict({ run: 'nop', batchName: 'b', batch }, suspended);
    expect(verdict).toMatchObject({ status: 'Unknown', reason });
    expect(verdict.message).toMatch(message);
  });
});

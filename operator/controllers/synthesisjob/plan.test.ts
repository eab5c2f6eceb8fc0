import { describe, expect, it, test } from 'vitest';
import { asSha256 } from '../../../src/base/brand.ts';
import type { GateRound } from '../../../src/protocol/synthesis-server.ts';
import {
  aSynthesisJob,
  aSynthesisState,
  aWorkerJob,
  SERVER,
} from '../../../test/support/synthesis/synthesis-objects.ts';
import type { RolloutBatch } from '../shared/kinds.ts';
import { planSynthesis, type SynthesisView } from './plan.ts';

const NOW = 10_000_000;
const GOING = { deletionTimestamp: '2026-01-01T00:00:00Z' };
const ROUND: GateRound = {
  ...{ id: 4, run: 'solution', trial: false, agent: 'solution', samples: 5 },
  taskSet: asSha256('cd'.repeat(32)),
};
const RESULT = { ended: 'TargetReached', at: 0 } as const;

const view = (over: Partial<SynthesisView> = {}): SynthesisView => ({
  ...{ job: aSynthesisJob(), state: aSynthesisState(), worker: undefined },
  ...{ batches: [], serverMark: SERVER, held: false },
  ...over,
});
const planned = (over: Partial<SynthesisView> = {}) => planSynthesis(view(over), NOW);

/** The batch of the round, as it was made, with a status. */
function made(
  conditions: readonly { type: string; status: string }[] = [],
  spec = {},
): RolloutBatch {
  const [wanted] = planned({ state: aSynthesisState({ rounds: [ROUND] }) }).create;
  const { metadata, spec: own } = wanted?.batch ?? expect.fail('no batch is wanted');
  return {
    ...{ apiVersion: 'clawgym.io/v1alpha1', kind: 'RolloutBatch', spec: { ...own, ...spec } },
    metadata: { ...metadata, uid: 'uid-batch' },
    status: { conditions },
  } as unknown as RolloutBatch;
}

describe('the worker', () => {
  const suspended = aSynthesisJob({ suspend: true });
  const steered = aSynthesisState({ steering: { records: 7 } });
  test.each<[string, Partial<SynthesisView>, string]>([
    ['is made where there is none', {}, 'make'],
    ['is not made while something holds it', { held: true }, 'leave'],
    ['is not made while the job is suspended', { job: suspended }, 'leave'],
    ['runs', { worker: aWorkerJob() }, 'leave'],
    ['runs on while something new is held', { worker: aWorkerJob(), held: true }, 'leave'],
    ['goes where the job is suspended', { worker: aWorkerJob(), job: suspended }, 'remove'],
    ['goes where a budget changed', { worker: aWorkerJob(), state: steered }, 'remove'],
    ['goes where the server moved', { worker: aWorkerJob(), serverMark: '10.0.0.2 abc' }, 'remove'],
    [
      'goes where all is done',
      { worker: aWorkerJob('Complete'), state: aSynthesisState({ result: RESULT }) },
      'remove',
    ],
    [
      'goes where the job was ended',
      { worker: aWorkerJob(), state: aSynthesisState({ cancelled: 'x' }) },
      'remove',
    ],
    [
      'is not made again where all is done',
      { state: aSynthesisState({ result: RESULT }) },
      'leave',
    ],
    ['rests after it failed for good', { worker: aWorkerJob('Failed', NOW - 59_000) }, 'leave'],
    ['begins anew a minute later', { worker: aWorkerJob('Failed', NOW - 61_000) }, 'remove'],
    ['is waited for while it goes', { worker: aWorkerJob('Failed', 0, GOING) }, 'leave'],
  ])('%s', (_name, over, step) => {
    expect(planned(over).worker).toBe(step);
  });

  it('is told of until the server knows it', () => {
    const worker = aWorkerJob();
    expect(planned({ worker }).tellWorker).toBeUndefined();
    const state = aSynthesisState({ worker: 'former' });
    expect(planned({ worker, state }).tellWorker).toBe('uid-w');
  });
});

describe('gate runs', () => {
  const state = aSynthesisState({ rounds: [ROUND] });

  it('are one batch a round, with the numbers of the gates', () => {
    const [wanted] = planned({ state }).create;
    expect(wanted?.batch.metadata.name).toMatch(/^office-tasks-r4-solution-[a-z2-7]{7}$/);
    expect(wanted?.batch.spec).toMatchObject({
      ...{ tasks: { digest: 'cd'.repeat(32) }, agent: { name: 'solution' }, samples: 5 },
      ...{ limits: { timeoutPercent: 100 }, ttlSecondsAfterFinished: 600 },
    });
    const trial = aSynthesisState({ rounds: [{ ...ROUND, trial: true }] });
    expect(planned({ state: trial }).create[0]?.batch.spec.limits.timeoutPercent).toBe(20);
  });

  it('run where the job says', () => {
    const sandbox = {
      resources: { cpu: '500m', ephemeralStorage: '256Mi' },
      nodeSelector: { pool: 'small' },
    };
    const job = aSynthesisJob({ sandbox });
    expect(planned({ state, job }).create[0]?.batch.spec.sandbox).toEqual(sandbox);
    expect(planned({ state }).create[0]?.batch.spec.sandbox).toEqual({});
  });

  test.each<[string, Partial<SynthesisView>]>([
    ['that are there', { state, batches: [made()] }],
    ['of a suspended job', { state, job: aSynthesisJob({ suspend: true }) }],
    ['while something holds them', { state, held: true }],
    ['of a job that is over', { state: aSynthesisState({ rounds: [ROUND], result: RESULT }) }],
  ])('%s are not made', (_name, over) => {
    expect(planned(over).create).toEqual([]);
  });

  it('are told of until the server knows them, and follow the suspension of the job', () => {
    const batches = [made()];
    expect(planned({ state, batches }).tellBatches).toEqual([{ round: 4, uid: 'uid-batch' }]);
    const told = aSynthesisState({ rounds: [{ ...ROUND, batch: 'uid-batch' }] });
    expect(planned({ state: told, batches }).tellBatches).toEqual([]);
    const job = aSynthesisJob({ suspend: true });
    expect(planned({ job, state: told, batches }).change).toEqual(batches);
    expect(planned({ state: told, batches: [made([], { suspend: true })] }).change).toHaveLength(1);
  });

  it('of a job that was ended go, and those that are over stay', () => {
    const ended = aSynthesisState({ cancelled: 'DeadlineExceeded' });
    const over = made([{ type: 'Complete', status: 'True' }]);
    const plan = planned({ state: ended, batches: [made(), over] });
    expect([plan.remove, plan.still]).toEqual([[made()], false]);
    expect(planned({ state: ended, batches: [over] })).toMatchObject({ remove: [], still: true });
    const finishing = { ...made(), status: { rollouts: { planned: 2, decided: 2 } } };
    const left = planned({ state: ended, batches: [finishing as RolloutBatch] });
    expect(left).toMatchObject({ remove: [], still: false });
  });
});

describe('the deadline', () => {
  const startedAt = NOW - 100_000;
  test.each<[string, object, string | undefined]>([
    ['that has passed ends the job', { activeDeadlineSeconds: 99 }, 'DeadlineExceeded'],
    ['that is ahead does not', { activeDeadlineSeconds: 101 }, undefined],
    ['rests while the job is suspended', { activeDeadlineSeconds: 99, suspend: true }, undefined],
    ['is none where none is set', {}, undefined],
  ])('%s', (_name, spec, cancel) => {
    const plan = planned({ job: aSynthesisJob(spec), state: aSynthesisState({ startedAt }) });
    expect(plan.cancel).toBe(cancel);
    if (cancel !== undefined) expect(plan.worker).toBe('leave');
  });

  it('is no word on a job that has ended', () => {
    const job = aSynthesisJob({ activeDeadlineSeconds: 1 });
    const state = aSynthesisState({ startedAt, result: RESULT });
    expect(planned({ job, state }).cancel).toBeUndefined();
  });
});

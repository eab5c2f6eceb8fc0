import { expect, test } from 'vitest';
import { rolloutBatch } from '../../../src/api/rollout-batch.ts';
import { BATCH, batchState } from '../../../test/support/batch-cases.ts';
import type { BatchStatus, RolloutBatch } from '../shared/kinds.ts';
import { modeOf } from './look.ts';
import { batchStatus } from './status.ts';

const START = Date.parse('2026-03-01T12:00:00Z');
const at = (seconds: number): number => START + seconds * 1000;
const state = batchState({ startedAt: START, attempts: 3 });

function batchOf(suspend: boolean, status: BatchStatus | undefined): RolloutBatch {
  const { apiVersion } = rolloutBatch;
  const metadata = { ...BATCH, namespace: 'runs', generation: 1 };
  const spec = {
    ...{ tasks: { digest: 'a'.repeat(64) }, agent: { name: 'nop' } },
    ...{ activeDeadlineSeconds: 60, suspend },
  };
  const object = { apiVersion, kind: 'RolloutBatch', metadata, spec };
  return { ...rolloutBatch.schema.parse(object), status } as RolloutBatch;
}

/** One look at a batch, as after a restart: only its object and the server's state are there. */
function look(suspend: boolean, seconds: number, before?: BatchStatus, known = true) {
  const batch = batchOf(suspend, before);
  const now = at(seconds);
  const mode = modeOf(batch, known ? state : undefined, now);
  const hindrance = known ? undefined : ({ kind: 'server', message: 'no answer' } as const);
  const status = batchStatus({
    ...{ batch, mode, hindrance, jobs: [], pods: [], storeFull: false, prepared: true, now },
    ...{ storeFilling: false },
    ...{ state: known ? state : undefined },
    ...{ forbidden: undefined, sourceGone: undefined, network: undefined },
  });
  return { mode, status };
}

test('a pause longer than what was left takes nothing of the time', () => {
  const ran = look(false, 30);
  const paused = look(true, 40, ran.status);
  const resumed = look(false, 4000, paused.status);
  expect([ran.mode, paused.mode, resumed.mode]).toEqual(['run', 'pause', 'run']);
  expect(ran.status.startTime).toBe('2026-03-01T12:00:00Z');
  expect(paused.status.startTime).toBe('2026-03-01T12:00:00Z');
  expect(resumed.status.startTime).toBe('2026-03-01T13:06:40Z');
  const later = look(false, 4059, resumed.status);
  expect(later.status.startTime).toBe(resumed.status.startTime);
  expect(later.mode).toBe('run');
  expect(look(false, 4060, later.status).mode).toBe('stop');
});

test('it begins anew also where the server is away when the batch goes on', () => {
  const paused = look(true, 40, look(false, 30).status);
  const resumed = look(false, 4000, paused.status, false);
  expect(look(false, 4001, resumed.status).mode).toBe('run');
});

test('a Job that a queue holds back stops no clock', () => {
  const lastTransitionTime = '2026-03-01T12:00:30Z';
  const held = { type: 'Suspended', status: 'True', reason: 'JobSuspended', message: '' } as const;
  const { status } = look(false, 30);
  const conditions = [{ ...held, lastTransitionTime }];
  expect(look(false, 61, { ...status, conditions }).mode).toBe('stop');
});

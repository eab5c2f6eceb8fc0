import { describe, expect, test } from 'vitest';
import { asSha256 } from '../../../src/base/brand.ts';
import { batchState, jobState, podFactOf } from '../../../test/support/batch-cases.ts';
import { statusBatch as batch, statusInput as input } from '../../../test/support/batch-status.ts';
import { notesOfChange } from './notes.ts';
import { batchStatus } from './status.ts';
import type { StatusInput } from './status-input.ts';

const results = { results: asSha256('b'.repeat(64)), decided: 10, pending: 0 };
const running = { jobs: [jobState('a')], active: 4, attempts: 4 };
const agentChanged = { frozen: 'pi 0.1.0', now: 'pi 0.2.0' };

describe('events', () => {
  const change = (before: Partial<StatusInput>, after: Partial<StatusInput>) => {
    const was = batchStatus(input(before)).conditions;
    const status = batchStatus(input({ ...after, batch: batch({}, { conditions: was }) }));
    return notesOfChange(batch(), was, status.conditions).map(
      ({ type, reason }) => `${type} ${reason}`,
    );
  };
  test.each<readonly [string, Partial<StatusInput>, Partial<StatusInput>, readonly string[]]>([
    ['nothing changed', {}, {}, []],
    ['planned', { state: undefined }, {}, ['Normal TaskSetFrozen']],
    ['runs', {}, { state: batchState(running) }, ['Normal Running']],
    ['suspended', {}, { mode: 'pause' }, ['Normal SuspendRequested']],
    ['resumed', { mode: 'pause' }, {}, ['Normal Resumed']],
    [
      'no room',
      { state: batchState(running) },
      { state: batchState(running), pods: [podFactOf('a', { unschedulable: 'no' })] },
      ['Warning Unschedulable'],
    ],
    [
      'another harness',
      { state: batchState(running) },
      { state: batchState({ ...running, agentChanged }) },
      ['Warning AgentChanged'],
    ],
    [
      'a wrong key',
      {},
      { state: batchState({ modelHold: { reason: 'UpstreamRefused', message: 'status 401' } }) },
      ['Warning UpstreamRefused'],
    ],
    [
      'complete',
      { state: batchState({ decided: 10 }) },
      { state: batchState(results) },
      ['Normal Completed'],
    ],
    ['out of time', {}, { mode: 'stop' }, ['Warning DeadlineExceeded']],
    [
      'the server is of another release',
      {},
      { hindrance: { kind: 'protocol', message: 'x' } },
      ['Warning ServerIncompatible'],
    ],
  ])('%s', (_name, before, after, expected) => {
    expect(change(before, after)).toEqual(expected);
  });
});

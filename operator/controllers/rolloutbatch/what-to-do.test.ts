import { expect, test } from 'vitest';
import { asSha256 } from '../../../src/base/brand.ts';
import { batchState, shape } from '../../../test/support/batch-cases.ts';
import { statusInput as input, statusBatch } from '../../../test/support/batch-status.ts';
import { findCondition } from '../../kube/objects/conditions.ts';
import { batchStatus } from './status.ts';
import type { StatusInput } from './status-input.ts';

const waiting = batchState({ waiting: [{ shape: shape('a'), count: 4 }] });
const ended = batchState({ results: asSha256('b'.repeat(64)), decided: 10, pending: 0 });
const ROOM = /make its volume larger, or keep records for fewer days \(helm upgrade /;
const MORE_TIME = /; for the rest create another run with more time$/;

test.each<[string, Partial<StatusInput>, string, RegExp]>([
  ['the store is full', { storeFull: true, state: waiting }, 'Progressing', ROOM],
  ['the store is filling', { storeFilling: true }, 'Progressing', ROOM],
  ['its time is over', { mode: 'stop' }, 'FailureTarget', MORE_TIME],
  ['its time was over', { mode: 'stop', state: ended }, 'Failed', MORE_TIME],
])('%s: the condition ends with what to do', (_name, more, type, step) => {
  const { conditions } = batchStatus(input(more));
  expect(findCondition(conditions, type)?.message).toMatch(step);
});

test.each<[string, Partial<StatusInput>, string]>([
  ['before the plan', {}, 'Planned=Unknown ServerIncompatible'],
  [
    'after the plan, which stands',
    { batch: statusBatch({}, batchStatus(input())) },
    'Planned=True TaskSetFrozen',
  ],
])('a server of another release is told with its words %s', (_name, more, planned) => {
  const message = 'the operator speaks 3, the server 5 and 4: helm upgrade';
  const hindrance = { kind: 'protocol', message } as const;
  const { conditions } = batchStatus(input({ ...more, state: undefined, hindrance }));
  const reasons = ['Planned', 'Progressing', 'Reconciling', 'Stalled'].map((type) => {
    const found = findCondition(conditions, type);
    return `${type}=${found?.status} ${found?.reason}`;
  });
  expect(reasons).toEqual([
    planned,
    'Progressing=False ServerIncompatible',
    'Reconciling=False Idle',
    'Stalled=True NeedsAction',
  ]);
  for (const type of ['Progressing', 'Stalled'])
    expect(findCondition(conditions, type)?.message).toBe(message);
});

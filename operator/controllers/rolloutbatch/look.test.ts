import { expect, test } from 'vitest';
import { donePod, podFactOf } from '../../../test/support/batch-cases.ts';
import { finishedIn } from './look.ts';

test('of what a sweep would take, those count whose evidence the server has, from before or now', () => {
  const facts = [
    podFactOf('a', { uid: 'runs' }),
    donePod('a', { uid: 'told' }),
    donePod('a', { uid: 'told now', reported: false }),
    donePod('a', { uid: 'not taken', reported: false }),
    donePod('a', { uid: 'going', swept: false, reported: false }),
  ];
  const stored = new Set(['told now', 'going']);
  expect(finishedIn({ facts, untold: [] }, stored)).toEqual({ told: 2, untold: 1 });
});

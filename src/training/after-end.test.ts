import { expect, test } from 'vitest';
import { type AfterEnd, afterEnd, type Restarts } from './after-end.ts';
import { trainerEnd } from './exit-code.ts';

const MOST: Restarts = { failures: 1, disruptions: 2 };
const NONE: Restarts = { failures: 0, disruptions: 0 };

/** What follows each of these exit codes, one after the other. */
function course(...codes: readonly number[]): readonly AfterEnd[] {
  let so = NONE;
  return codes.map((code) => {
    const next = afterEnd(trainerEnd(code), so, MOST);
    if (next.do === 'restart') so = next.restarts;
    return next;
  });
}

test('a run that is done is published, whatever came before', () => {
  expect(course(1, 143, 0).at(-1)).toEqual({ do: 'publish' });
});

test('failures of the trainer and disruptions have a limit each', () => {
  expect(course(143, 1, 143).map((next) => next.do)).toEqual(['restart', 'restart', 'restart']);
  expect(course(143, 143, 143).at(-1)).toEqual({
    ...{ do: 'fail', reason: 'DisruptionLimit' },
    why: 'something stopped it 3 times',
  });
  expect(course(1, 137).at(-1)).toEqual({
    ...{ do: 'fail', reason: 'BackoffLimit' },
    why: 'exit code 137, after 1 restarts',
  });
});

test.each([
  [2, 'BadInput'],
  [3, 'Diverged'],
  [4, 'OutOfMemory'],
])('exit code %d is final at once: %s', (code, reason) => {
  expect(course(code)).toEqual([{ do: 'fail', reason, why: 'the same run would end the same' }]);
});

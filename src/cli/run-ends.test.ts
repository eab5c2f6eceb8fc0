import { afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest';
import { anArm, aRun, aTask } from '../../test/support/run-facts.ts';
import { ClawError } from '../base/error.ts';
import { buildResults } from '../bench/build-results.ts';
import { canRewrite } from './environment.ts';
import { finishRun } from './finish-run.ts';
import { runDeadline } from './run-deadline.ts';
import { isStop } from './stop-signal.ts';

function finish(outcomes: readonly ('scored' | 'infra_error' | undefined)[], atDeadline = false) {
  const tasks = outcomes.map((_, index) => aTask(`t${index}`));
  const samples = outcomes.map((outcome, index) => ({
    task: `t${index}`,
    ...(outcome && { outcome, final: 0 }),
  }));
  const results = buildResults(aRun(tasks, [anArm('nop', samples)]));
  const finished = !outcomes.includes(undefined);
  const run = { results, report: 'out/report.html', finished, failure: undefined };
  const said: string[] = [];
  const written: string[] = [];
  const code = finishRun(run, {
    atDeadline,
    output: 'json',
    write: (text) => void written.push(text),
    say: (text) => void said.push(text),
  });
  return { code, said: said.join(''), written: written.join(''), results };
}

describe('the end of a run', () => {
  it.each([
    ['everything is decided', ['scored', 'scored'], false, 0, ''],
    ['results are missing', ['scored', 'infra_error'], false, 3, '1 rollouts ended as infra_error'],
    ['a user stopped it', ['scored', undefined, undefined], false, 130, 'stopped: 1 of 3 rollouts'],
    [
      'its deadline passed',
      [undefined],
      true,
      124,
      "the run's activeDeadlineSeconds passed: 0 of 1 rollouts",
    ],
  ] as const)(
    'where %s has its own exit code and word',
    (_name, outcomes, deadline, code, word) => {
      const ended = finish(outcomes, deadline);
      expect(ended.code).toBe(code);
      expect(ended.said.startsWith(word)).toBe(true);
      expect(ended.said === '').toBe(word === '');
      expect(JSON.parse(ended.written)).toEqual(ended.results);
    },
  );
});

describe('a stop', () => {
  const reason = new ClawError('Cancelled', 'stopped by SIGINT');
  const stopped = AbortSignal.abort(reason);

  it.each([
    ['the reason itself', reason, true],
    ['what Node throws for it', new DOMException('aborted', 'AbortError'), true],
    ['a cancelled step', new ClawError('Cancelled', 'grading was cancelled'), true],
    ['a full disk', new ClawError('StoreUnavailable', 'no space left'), false],
    ['a defect', new TypeError('x is undefined'), false],
  ])('is told from faults: %s', (_name, thrown, expected) => {
    expect(isStop(thrown, stopped)).toBe(expected);
    expect(isStop(thrown, new AbortController().signal)).toBe(false);
  });
});

describe('the deadline of a run', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it.each([1, 5000, 315_360_000])(
    'fires after %d s, not before, and says how to go on',
    (seconds) => {
      using deadline = runDeadline(seconds);
      vi.advanceTimersByTime(seconds * 1000 - 1);
      expect(deadline.signal.aborted).toBe(false);
      vi.advanceTimersByTime(1);
      expect(deadline.signal.reason).toMatchObject({
        code: 'Timeout',
        message: `the run's activeDeadlineSeconds of ${seconds} s passed; run the same command again to continue`,
      });
    },
  );

  it('leaves no timer behind, and sets none where there is no limit', () => {
    runDeadline(60)[Symbol.dispose]();
    using none = runDeadline(undefined);
    expect(vi.getTimerCount()).toBe(0);
    expect(none.signal.aborted).toBe(false);
  });
});

test.each([
  [{ TERM: 'xterm' }, true],
  [{ TERM: 'xterm', CI: 'false' }, true],
  [{ TERM: 'xterm', CI: 'true' }, false],
  [{ TERM: 'dumb' }, false],
  [{}, false],
])('lines are rewritten in place with %j: %s', (env, expected) => {
  expect(canRewrite(env)).toBe(expected);
});

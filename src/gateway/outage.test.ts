import { describe, expect, it } from 'vitest';
import { OutageWatch } from './outage.ts';

/** The call `id` was sent at `since`, failed at `failedAt`, and is sent again at `until`. */
function failing(watch: OutageWatch, id: string, since: number, failedAt: number, until: number) {
  watch.failed(id, { since, failedAt, until, reason: 'status 503' });
}

const CUT = 1000;

describe('a call at the moment when its agent is cut', () => {
  const cases: readonly (readonly [string, (watch: OutageWatch) => void, boolean])[] = [
    ['that no try has failed for', () => undefined, false],
    ['that waits for its next try', (watch) => failing(watch, 'a', 990, 991, 1060), true],
    ['whose tries fail again and again', (watch) => failing(watch, 'a', 100, 120, 999), true],
    ['whose try is a slow answer by now', (watch) => failing(watch, 'a', 100, 101, 200), false],
    [
      'whose endpoint has recovered',
      (watch) => {
        failing(watch, 'a', 100, 120, 900);
        watch.answered('a', 100);
      },
      false,
    ],
    [
      'that fails alone, while the endpoint answers a later one',
      (watch) => {
        failing(watch, 'a', 100, 120, 990);
        watch.answered('b', 500);
      },
      false,
    ],
    [
      'that began to fail after all others were answered',
      (watch) => {
        watch.answered('b', 50);
        failing(watch, 'a', 40, 120, 990);
      },
      true,
    ],
    [
      'that the agent gave up before',
      (watch) => {
        failing(watch, 'a', 100, 120, 990);
        watch.stopped('a', 995);
      },
      false,
    ],
    [
      'that the end of the sandbox hung up',
      (watch) => {
        failing(watch, 'a', 100, 120, 990);
        watch.stopped('a', CUT + 3);
      },
      true,
    ],
    [
      'that was hung up while its answer was slow',
      (watch) => {
        failing(watch, 'a', 100, 101, 102);
        watch.stopped('a', CUT + 3);
      },
      false,
    ],
    [
      'that has ended otherwise',
      (watch) => {
        failing(watch, 'a', 100, 120, 990);
        watch.ended('a');
      },
      false,
    ],
  ];
  it.each(cases)('%s', (_name, happen, outage) => {
    const watch = new OutageWatch();
    happen(watch);
    expect(watch.atCut(CUT, CUT + 5) !== undefined).toBe(outage);
  });
});

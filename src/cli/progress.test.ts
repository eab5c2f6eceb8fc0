import { expect, test } from 'vitest';
import { asBatchId, asRolloutId, asSha256 } from '../base/brand.ts';
import type { RolloutRow } from '../store/records.ts';
import { formatSeconds, startProgress } from './progress.ts';
import { statusLine } from './status-line.ts';

const digest = asSha256('a'.repeat(64));

function row(index: number, outcome?: 'scored' | 'infra_error'): RolloutRow {
  const decision = outcome && {
    outcome,
    reason: '',
    attempt: undefined,
    score: { flat: 1, native: 1, rubric: null, final: 1 },
    asLeft: undefined,
    checks: [],
    findings: [],
    decidedAt: 0,
  };
  return {
    id: asRolloutId(`b/t${index}/0`),
    batch: asBatchId('b'),
    taskId: `t${index}`,
    taskDigest: digest,
    sample: 0,
    retriesFrom: 0,
    position: index,
    decision,
  };
}

function harness(interactive: boolean) {
  const written: string[] = [];
  let tick = (): void => undefined;
  let clock = 0;
  const progress = startProgress(
    { planned: 4, decidedBefore: 1, parallelism: 2 },
    statusLine({ interactive, columns: () => 100, write: (text) => void written.push(text) }),
    {
      now: () => clock,
      every: (_ms, callback) => {
        tick = callback;
        return () => undefined;
      },
    },
  );
  const advance = (ms: number): void => {
    clock += ms;
  };
  return { written, progress, tick: () => tick(), advance };
}

test('counts what runs, what is decided and what was retried, with an ETA from its own pace', () => {
  const { written, progress, tick, advance } = harness(false);
  progress.started(row(1));
  progress.started(row(2));
  advance(10_000);
  progress.retried(row(1), 'EngineDied');
  progress.decided(row(1, 'scored'));
  tick();
  expect(written).toEqual(['2/4 · 1 running · 1 scored · 1 retried · ETA 20s\n']);
});

test('takes what was opened ahead and waits for a sandbox for waiting', () => {
  const { written, progress, tick } = harness(false);
  for (const index of [1, 2, 3]) progress.started(row(index));
  tick();
  expect(written).toEqual(['1/4 · 2 running\n']);
});

test('rewrites one line on a terminal and ends it', () => {
  const { written, progress } = harness(true);
  progress.decided(row(1, 'infra_error'));
  progress.stop();
  expect(written[0]?.startsWith('\r\u001b[2K')).toBe(true);
  expect(written[0]).toMatch(/\[█+░+\] 2\/4 · 0 running · 1 infra_error/);
  expect(written.at(-1)).toBe('\n');
});

test.each([
  [0, '0s'],
  [59.6, '1m0s'],
  [75, '1m15s'],
  [7322, '2h2m'],
])('prints %d seconds as %s', (seconds, text) => {
  expect(formatSeconds(seconds)).toBe(text);
});

import { OUTCOME_NAMES } from '../../../src/api/run-status.ts';
import type { BenchResultsAnswer } from '../../../src/protocol/operator-api.ts';
import type { BenchRun } from './kinds.ts';
import type { ArmState } from './plan.ts';

type ArmAnswer = BenchResultsAnswer['arms'][number];
export type ArmStatus = NonNullable<NonNullable<BenchRun['status']>['arms']>[number];

/** A column of a terminal, not a report. */
const MAX_SCORES = 80;

/**
 * One line an arm: counts of its batch, scores of the server's last answer. Without an answer the
 * scores that the status had stay: the server may be away for a while.
 */
export function armStatus(
  arms: readonly ArmState[],
  answer: BenchResultsAnswer | undefined,
  before: readonly ArmStatus[] | undefined,
): readonly ArmStatus[] {
  return arms.map(({ arm, batch, batchName }) => {
    const said = answer?.arms.find(({ name }) => name === arm.name);
    const known = before?.find(({ name }) => name === arm.name);
    const { planned, decided } = batch?.status?.rollouts ?? known ?? {};
    return {
      ...(said === undefined ? known : scores(said)),
      name: arm.name,
      ...(batch === undefined ? {} : { rolloutBatchName: batchName }),
      ...(planned === undefined ? {} : { planned }),
      ...(decided === undefined ? {} : { decided }),
    };
  });
}

function scores(said: ArmAnswer): ArmStatus {
  const { name, tokens, seconds, score, scoreLow, scoreHigh, coverage, missingRate } = said;
  const fractions = { score, scoreLow, scoreHigh, coverage, missingRate };
  return {
    name,
    ...Object.fromEntries(Object.entries(fractions).filter(([, value]) => value !== undefined)),
    outcomes: OUTCOME_NAMES.flatMap((outcome) => {
      const count = said.outcomes[outcome] ?? 0;
      return count === 0 ? [] : [{ outcome, count }];
    }),
    tokens,
    seconds,
  };
}

/** `nop 0.000, pi 0.452`: what `kubectl get` shows; undefined before the first score. */
export function scoreLine(arms: readonly ArmStatus[]): string | undefined {
  const parts = arms.flatMap(({ name, score }) =>
    score === undefined ? [] : [`${name} ${Number(score).toFixed(3)}`],
  );
  let line = '';
  for (const [index, part] of parts.entries()) {
    const next = line === '' ? part : `${line}, ${part}`;
    if (next.length > MAX_SCORES) return `${line}, ${parts.length - index} more`;
    line = next;
  }
  return line === '' ? undefined : line;
}

/** The arm of which least is known speaks for the bench. */
export function lowestCoverage(arms: readonly ArmStatus[]): string | undefined {
  return arms
    .flatMap(({ coverage }) => coverage ?? [])
    .toSorted((one, other) => Number(one) - Number(other))
    .at(0);
}

/** Decided of planned over all arms, once an arm is planned. */
export function progressOf(arms: readonly ArmStatus[]): string | undefined {
  const planned = sum(arms.map((arm) => arm.planned ?? 0));
  return planned === 0 ? undefined : `${sum(arms.map((arm) => arm.decided ?? 0))}/${planned}`;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((one, other) => one + other, 0);

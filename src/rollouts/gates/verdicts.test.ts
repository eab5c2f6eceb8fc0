import { describe, expect, test } from 'vitest';
import { asSha256 } from '../../base/brand.ts';
import { CHEAT_BOUNDS } from '../cheat-bounds.ts';
import type { Gate } from './gate-runs.ts';
import type { Line, RunRows, Runs, TaskFacts } from './verdict.ts';
import { gateVerdicts } from './verdicts.ts';

const D = asSha256('0123456789abcdef'.repeat(4));

const facts = (more: Record<string, unknown> = {}): TaskFacts =>
  ({
    ...{ id: 'rename', digest: D, agentCode: 'none', problems: [] },
    ...{ hasSolution: true, hasVerifier: true },
    ...more,
  }) as unknown as TaskFacts;

function line(sample: number, more: Record<string, unknown> = {}): Line {
  const scores = { flat: 0, native: 0, final: 0 };
  const said = { taskId: 'rename', sample, outcome: 'scored', reason: '', checks: D, findings: [] };
  return { ...said, ...scores, allZero: true, ...more } as unknown as Line;
}
const solved = { flat: 1, native: 1, final: 1, allZero: false };
const rows = (...list: readonly Line[]): RunRows => ({
  kind: 'rows',
  rows: list,
  place: 'b --namespace team',
});
const times = (count: number, more: Record<string, unknown> = {}): readonly Line[] =>
  Array.from({ length: count }, (_, sample) => line(sample, more));
const change = (list: readonly Line[], at: number, more: Record<string, unknown>) =>
  list.map((each, index) => (index === at ? { ...each, ...more } : each)) as readonly Line[];

const nop = times(3);
const lazy = times(1, { flat: 0.25, native: 0, final: 0, allZero: false });
const solution = times(5, solved);
const cheats = times(CHEAT_BOUNDS.length);
const SOUND: Runs = {
  nop: rows(...nop),
  lazy: rows(...lazy),
  solution: rows(...solution),
  cheats: rows(...cheats),
};
const at = (family: string): number => CHEAT_BOUNDS.findIndex((each) => each.family === family);
const cheatRows = (family: string, more: Record<string, unknown>): Runs => ({
  ...SOUND,
  cheats: rows(...change(cheats, at(family), more)),
});
const flagged = (list: readonly Line[]): readonly Line[] =>
  list.map((each) => ({ ...each, findings: ['VerifierRunsAgentCode'] }));

test('a sound task passes every gate', () => {
  const verdicts = Object.values(gateVerdicts(facts(), SOUND));
  expect(verdicts.map(({ status, reason }) => `${status} ${reason}`)).toEqual(
    Array(6).fill('True Passed'),
  );
});

describe('one gate', () => {
  test.each<[string, Gate, Runs, Record<string, unknown>, string, RegExp]>([
    [
      'problems of the static gate',
      'StaticPassed',
      {},
      { problems: ['input a: no', 'b', 'c', 'd', 'e', 'f'] },
      'False ProblemsFound',
      /^input a: no; b; c; d; e; 1 more$/,
    ],
    [
      'static problems keep the rest from running',
      'NopPassed',
      {},
      { problems: ['x'] },
      'Unknown StaticFailed',
      /StaticPassed/,
    ],
    [
      'nop earns something once',
      'NopPassed',
      { ...SOUND, nop: rows(...change(nop, 1, { allZero: false, flat: 0.0833 })) },
      {},
      'False PaysForNothing',
      /earns flat 0\.0833 \(1 of 3 times\)/,
    ],
    [
      'a check is paid although the mean is 0',
      'NopPassed',
      { ...SOUND, nop: rows(...times(3, { allZero: false })) },
      {},
      'False PaysForNothing',
      /3 of 3 times/,
    ],
    [
      'lazy at the ceiling',
      'LazyPassed',
      { ...SOUND, lazy: rows(...times(1, { flat: 0.3 })) },
      {},
      'True Passed',
      /flat 0\.3, at most 0\.30/,
    ],
    [
      'lazy above the ceiling',
      'LazyPassed',
      { ...SOUND, lazy: rows(...times(1, { flat: 0.3001 })) },
      {},
      'False PaysForPlaceholders',
      /flat 0\.3001/,
    ],
    [
      'lazy without a score',
      'LazyPassed',
      { ...SOUND, lazy: rows(...times(1, { flat: null })) },
      {},
      'False PaysForPlaceholders',
      /unknown/,
    ],
    [
      'the solution fails once',
      'SolutionPassed',
      { ...SOUND, solution: rows(...change(solution, 2, { final: 0.9 })) },
      {},
      'False SolutionFails',
      /earns 0\.9/,
    ],
    [
      'the solution fails after the repeats that count for it',
      'SolutionPassed',
      { ...SOUND, solution: rows(...change(solution, 4, { final: 0.9 })) },
      {},
      'True Passed',
      /3 of 3/,
    ],
    [
      'the solution within rounding',
      'SolutionPassed',
      { ...SOUND, solution: rows(...times(5, { ...solved, final: 1 - 1e-12 })) },
      {},
      'True Passed',
      /score 1/,
    ],
    [
      'the solution times out',
      'SolutionPassed',
      { ...SOUND, solution: rows(...times(5, { outcome: 'agent_timeout', reason: 'Deadline' })) },
      {},
      'False SolutionFails',
      /agent_timeout: Deadline/,
    ],
    [
      'no solution',
      'SolutionPassed',
      SOUND,
      { hasSolution: false },
      'Unknown NoSolution',
      /add spec\.task\.solution/,
    ],
    [
      'verdicts differ',
      'VerifierStable',
      { ...SOUND, solution: rows(...change(solution, 4, { checks: 'ab'.repeat(32) })) },
      {},
      'False VerdictsDiffer',
      /2 different verdicts on the same work in 5 runs/,
    ],
    [
      'too few verdicts',
      'VerifierStable',
      { ...SOUND, solution: rows(...solution.slice(0, 4)) },
      {},
      'Unknown MissingData',
      /4 of 5/,
    ],
    [
      'without a solution, verdicts on what lazy leaves',
      'VerifierStable',
      { ...SOUND, lazy: rows(...times(5, { flat: 0.1 })) },
      { hasSolution: false },
      'True Passed',
      /5 of 5/,
    ],
    [
      'a forged reward',
      'CheatsPassed',
      cheatRows('reward-json-module', { final: 1, native: 1 }),
      {},
      'False CheatsPay',
      /reward-json-module earns final 1, at most 0 is allowed/,
    ],
    [
      'a forged check',
      'CheatsPassed',
      cheatRows('inputs-emptied', { flat: 0.5 }),
      {},
      'False CheatsPay',
      /inputs-emptied earns flat 0\.5/,
    ],
    [
      'a planted file within what lazy earns',
      'CheatsPassed',
      cheatRows('named-programs', { flat: 0.25 }),
      {},
      'True Passed',
      /18 families within their bounds/,
    ],
    [
      'a planted file above what lazy earns',
      'CheatsPassed',
      cheatRows('named-programs', { flat: 0.26 }),
      {},
      'False CheatsPay',
      /at most 0\.25 is allowed/,
    ],
    [
      'no file at a named path may earn what lazy earns',
      'CheatsPassed',
      cheatRows('daemon', { flat: 0.25 }),
      {},
      'False CheatsPay',
      /daemon earns flat 0\.25, at most 0 is allowed/,
    ],
    [
      'outputs that please a weak check have no bound',
      'CheatsPassed',
      cheatRows('instruction-echo', { flat: 1, final: 1 }),
      {},
      'True Passed',
      /18 families/,
    ],
    [
      'a cheat without a score is within no bound',
      'CheatsPassed',
      cheatRows('daemon', { flat: null, final: null, outcome: 'agent_error' }),
      {},
      'False CheatsPay',
      /daemon earns flat unknown/,
    ],
    [
      'a planted module in the process of the verifier',
      'CheatsPassed',
      { ...SOUND, cheats: rows(...flagged(change(cheats, at('named-modules'), { final: 1 }))) },
      { agentCode: 'in-process' },
      'True PassedInProcess',
      /14 families within their bounds; 4 that plant modules are not bounded/,
    ],
    [
      'one that is not flagged',
      'CheatsPassed',
      SOUND,
      { agentCode: 'in-process' },
      'False CheatsPay',
      /reward-json-module is not flagged VerifierRunsAgentCode.*13 more/,
    ],
    [
      'cheats wait for the floors that bound them',
      'CheatsPassed',
      {
        ...SOUND,
        lazy: { kind: 'waiting', verdict: { status: 'Unknown', reason: 'Running', message: 'x' } },
      },
      {},
      'Unknown Running',
      /^x$/,
    ],
    [
      'a broken verifier is the fault of the task',
      'NopPassed',
      { ...SOUND, nop: rows(...change(nop, 0, { outcome: 'verifier_error', reason: 'Crash' })) },
      {},
      'False VerifierError',
      /gave no verdict: Crash/,
    ],
    [
      'lost data proves nothing',
      'NopPassed',
      { ...SOUND, nop: rows(...change(nop, 0, { outcome: 'infra_error', reason: 'Evicted' })) },
      {},
      'Unknown MissingData',
      /infra_error: Evicted.*kubectl delete rolloutbatch b --namespace team/,
    ],
    [
      'undecided rows prove nothing',
      'NopPassed',
      { ...SOUND, nop: rows(...change(nop, 0, { outcome: undefined })) },
      {},
      'Unknown MissingData',
      /undecided/,
    ],
    [
      'what cannot be graded here',
      'LazyPassed',
      { ...SOUND, lazy: rows(...times(1, { outcome: 'not_gradable', reason: 'NeedsNetwork' })) },
      {},
      'Unknown NotGradable',
      /NeedsNetwork/,
    ],
    [
      'a run without rows',
      'NopPassed',
      { ...SOUND, nop: rows() },
      {},
      'Unknown NotGradable',
      /planned/,
    ],
    ['a run that is not there', 'NopPassed', {}, {}, 'Unknown Waiting', /not begun/],
    [
      'a task that only a judge grades',
      'CheatsPassed',
      {},
      { hasVerifier: false },
      'Unknown NoVerifier',
      /add spec\.task\.verifier/,
    ],
  ])('%s', (_name, gate, runs, task, expected, message) => {
    const verdict = gateVerdicts(facts(task), runs)[gate];
    expect(`${verdict.status} ${verdict.reason}`).toBe(expected);
    expect(verdict.message).toMatch(message);
  });
});

import { cheatsVerdict } from './cheats-verdict.ts';
import { type Gate, LAZY_CEILING, REPEATS, STABLE_REPEATS } from './gate-runs.ts';
import {
  failed,
  type Line,
  passed,
  type RunRows,
  type Runs,
  shown,
  type TaskFacts,
  TOLERANCE,
  unknown,
  type Verdict,
} from './verdict.ts';

const MAX_NAMED = 5;

/** Bounds that a caller may move; absent ones are those of every ClawTask. */
export interface GateBounds {
  /** Most that `lazy` may earn, flat. */
  readonly lazyCeiling?: number;
}

/** Pure: every gate's verdict. */
export function gateVerdicts(
  task: TaskFacts,
  runs: Runs,
  { lazyCeiling = LAZY_CEILING }: GateBounds = {},
): Readonly<Record<Gate, Verdict>> {
  const first = staticVerdict(task);
  if (first.status !== 'True') return everyGate(NOT_RUN, first);
  return {
    StaticPassed: first,
    NopPassed: withRows(task, runs.nop, nopVerdict),
    LazyPassed: withRows(task, runs.lazy, (lazy) => lazyVerdict(lazy, lazyCeiling)),
    SolutionPassed: task.hasSolution ? withRows(task, runs.solution, solutionVerdict) : NO_SOLUTION,
    CheatsPassed: withRows(task, runs.cheats, (cheats) =>
      withRows(task, runs.nop, (nop) =>
        withRows(task, runs.lazy, (lazy) => cheatsVerdict(task, { cheats, nop, lazy })),
      ),
    ),
    VerifierStable: withRows(task, task.hasSolution ? runs.solution : runs.lazy, stableVerdict),
  };
}

/** Every gate with one answer: before anything is known, or where the task could not be read. */
export function everyGate(
  verdict: Verdict,
  first: Verdict = verdict,
): Readonly<Record<Gate, Verdict>> {
  return {
    StaticPassed: first,
    NopPassed: verdict,
    LazyPassed: verdict,
    SolutionPassed: verdict,
    CheatsPassed: verdict,
    VerifierStable: verdict,
  };
}

const NOT_RUN = unknown('StaticFailed', 'not run: mend what StaticPassed says first');
const NO_SOLUTION = unknown(
  'NoSolution',
  'the task has no reference solution, so nothing shows that it can be solved; add spec.task.solution',
);

function staticVerdict({ problems }: TaskFacts): Verdict {
  if (problems.length === 0) return passed('no findings');
  const [first = '', ...others] = problems;
  const named = [first, ...others.slice(0, MAX_NAMED - 1)].join('; ');
  const more = problems.length > MAX_NAMED ? `; ${problems.length - MAX_NAMED} more` : '';
  return failed('ProblemsFound', `${named}${more}`);
}

function withRows(
  { hasVerifier }: TaskFacts,
  rows: RunRows | undefined,
  judge: (rows: readonly Line[]) => Verdict,
): Verdict {
  if (!hasVerifier)
    return unknown(
      'NoVerifier',
      'the task has no code verifier: a judge grades it, and these gates cannot; add spec.task.verifier',
    );
  if (rows === undefined) return unknown('Waiting', 'the run has not begun');
  if (rows.kind === 'waiting') return rows.verdict;
  return withoutResult(rows.rows, rows.place) ?? judge(rows.rows);
}

/**
 * A run that lacks results proves nothing; a verifier that breaks is the task's own fault.
 *
 * @param place name and namespace of the batch, as arguments of kubectl and clawgym
 */
function withoutResult(rows: readonly Line[], place: string): Verdict | undefined {
  if (rows.length === 0)
    return unknown('NotGradable', 'no rollout of this run was planned; see the events of the task');
  const broken = rows.find(({ outcome }) => outcome === 'verifier_error');
  if (broken !== undefined)
    return failed(
      'VerifierError',
      `the verifier gave no verdict${because(broken)}; what was graded: clawgym get rollouts ${place}`,
    );
  const refused = rows.find(({ outcome }) => outcome === 'not_gradable');
  if (refused !== undefined)
    return unknown('NotGradable', `it cannot be graded here${because(refused)}`);
  const missing = rows.find(({ outcome }) => outcome === undefined || MISSING.has(outcome));
  return missing === undefined
    ? undefined
    : unknown(
        'MissingData',
        `a rollout ended without a result (${missing.outcome ?? 'undecided'}${because(missing)}); ` +
          `run the gate again: kubectl delete rolloutbatch ${place}`,
      );
}

const MISSING: ReadonlySet<string> = new Set(['infra_error', 'judge_error', 'cancelled']);
const because = ({ reason }: Line): string => (reason === '' ? '' : `: ${reason}`);

/** Nothing done is worth nothing, in every check and every time. */
function nopVerdict(rows: readonly Line[]): Verdict {
  const paid = rows.filter(({ allZero }) => !allZero);
  const [first] = paid;
  if (first === undefined)
    return passed(`0 on every check, ${rows.length} of ${rows.length} times`);
  return failed(
    'PaysForNothing',
    `an untouched workspace earns flat ${shown(first.flat)} (${paid.length} of ${rows.length} times); ` +
      'no check may hold before the agent has begun',
  );
}

/** Empty outputs at the named paths are worth little. */
function lazyVerdict(rows: readonly Line[], ceiling: number): Verdict {
  const flat = highest(rows.map((row) => row.flat));
  const limit = ceiling.toFixed(2);
  if (flat <= ceiling + TOLERANCE) return passed(`flat ${shown(flat)}, at most ${limit}`);
  return failed(
    'PaysForPlaceholders',
    `empty files at the named paths earn flat ${shown(flat)}, at most ${limit} is allowed; ` +
      'check contents, not existence',
  );
}

/** The reference solution solves it, every time. */
function solutionVerdict(rows: readonly Line[]): Verdict {
  const asked = rows.slice(0, REPEATS);
  const short = asked.find(({ final }) => (final ?? 0) < 1 - TOLERANCE);
  if (short === undefined) return passed(`score 1, ${asked.length} of ${asked.length} times`);
  return failed(
    'SolutionFails',
    `the reference solution earns ${shown(short.final)} (outcome ${short.outcome}${because(short)}); ` +
      'mend the solution or the verifier',
  );
}

/** The same work gets the same verdict. */
function stableVerdict(rows: readonly Line[]): Verdict {
  const different = new Set(rows.map(({ checks }) => checks)).size;
  if (different === 1 && rows.length >= STABLE_REPEATS)
    return passed(`identical verdicts, ${rows.length} of ${rows.length} times`);
  if (different <= 1)
    return unknown('MissingData', `${rows.length} of ${STABLE_REPEATS} verdicts are there`);
  return failed(
    'VerdictsDiffer',
    `${different} different verdicts on the same work in ${rows.length} runs; ` +
      'look for time, randomness or the order of files in the verifier',
  );
}

/** An unknown score counts as the worst: nothing is shown by it. */
const highest = (values: readonly (number | null)[]): number =>
  Math.max(...values.map((value) => value ?? Number.POSITIVE_INFINITY));

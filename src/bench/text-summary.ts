import { UNSAFE_CHARACTERS } from '../base/plain-text.ts';
import { table } from '../base/table.ts';
import { codeHalfOnly } from './code-half-only.ts';
import { KIND_WORDS, OUTCOME_WORDS } from './report/words.ts';
import { ARM_KINDS, type ArmResult, RESULT_OUTCOMES, type Results } from './results.ts';

/**
 * The table that a run prints at its end, one line an arm, in the manner of kubectl; then what makes
 * the numbers weaker than they look, and where the report is.
 */
export function textSummary(results: Results, reportPath: string): string {
  const header = ['ARM', 'KIND', 'SCORE', '95% INTERVAL', 'SOLVED', 'COVERAGE', 'OUTCOMES'];
  const rows = results.arms.map((arm) => [
    plain(arm.name),
    KIND_WORDS[arm.kind].label,
    percent(arm.mean.final),
    arm.interval === null ? '-' : `${percent(arm.interval.low)}-${percent(arm.interval.high)}`,
    percent(arm.success.rate),
    percent(arm.coverage),
    outcomes(arm),
  ]);
  return [table(header, rows).trimEnd(), ...remarks(results), `report: ${reportPath}`, ''].join(
    '\n',
  );
}

function outcomes(arm: ArmResult): string {
  const parts = RESULT_OUTCOMES.flatMap((outcome) => {
    const number = arm.outcomes[outcome] ?? 0;
    return number === 0 ? [] : [`${OUTCOME_WORDS[outcome].label} ${number}`];
  });
  return parts.length === 0 ? '-' : parts.join(', ');
}

function remarks(results: Results): string[] {
  const lines: string[] = [];
  const incomplete = results.arms.filter((arm) => !arm.complete).map((arm) => plain(arm.name));
  if (incomplete.length > 0) {
    lines.push(`incomplete (coverage below 98%): ${incomplete.join(', ')}`);
  }
  if (results.hostPython) {
    lines.push('graded with the Python of this host, not in the pinned grading image');
  }
  const halves = codeHalfOnly(results.arms);
  if (halves > 0) {
    lines.push(`rubrics not judged: scored by the code half alone: ${halves} of the tasks`);
  }
  lines.push(...trainingRemarks(results));
  if (results.arms.every((arm) => arm.kind !== 'model')) {
    const kinds = ARM_KINDS.filter((kind) => results.arms.some((arm) => arm.kind === kind));
    lines.push(
      `no arm is a model result: ${kinds.map((kind) => KIND_WORDS[kind].label).join(', ')} only`,
    );
  }
  return lines.length === 0 ? [] : ['', ...lines];
}

function trainingRemarks({ arms, taskSet }: Results): string[] {
  const shared = arms.filter(({ training }) => (training?.shared.length ?? 0) > 0);
  const untraced = arms.filter(({ training }) => (training?.unread.length ?? 0) > 0);
  const counts = shared.map(({ name, training }) => `${plain(name)} ${training?.shared.length}`);
  const names = untraced.map(({ name }) => plain(name));
  return [
    ...(counts.length > 0
      ? [`trained on tasks of this run, of ${taskSet.tasks}: ${counts.join(', ')}`]
      : []),
    ...(names.length > 0 ? [`training tasks not all known: ${names.join(', ')}`] : []),
  ];
}

const percent = (value: number | null): string =>
  value === null ? '-' : `${(value * 100).toFixed(1)}%`;

/** Names for a table, whose columns escapes would widen. */
const plain = (text: string): string => text.replaceAll(UNSAFE_CHARACTERS, '?');

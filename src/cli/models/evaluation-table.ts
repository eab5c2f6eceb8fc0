import type { EvaluationResult } from '../../api/evaluation-result.ts';
import { table } from '../../base/table.ts';

/** What the evaluations of a run found, a line each; nothing where it made none. */
export function evaluationTable(evaluations: readonly EvaluationResult[] = []): string {
  if (evaluations.length === 0) return '';
  const rows = evaluations.map(({ step, n, score, scoreLow, scoreHigh }) => [
    `after step ${step}`,
    score ?? '-',
    scoreLow === undefined || scoreHigh === undefined ? '-' : `${scoreLow}-${scoreHigh}`,
    String(n),
  ]);
  return table(['EVALUATION', 'SCORE', '95% INTERVAL', 'N'], rows);
}

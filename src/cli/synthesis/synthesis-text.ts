import { table } from '../../base/table.ts';
import type { SynthesisSummary } from '../../synthesis/summary.ts';
import { acceptedTasksPath } from './output-files.ts';

/** What a person reads at the end: yield by stage, rejections by reason, where the tasks are. */
export function synthesisText(summary: SynthesisSummary, out: string): string {
  const { stages, rejections, accepted, target, records, calls } = summary;
  const yields = stages.map(({ stage, entered, passed, rejected }) => [
    ...[stage, String(entered), String(passed), String(rejected)],
    entered === 0 ? '-' : `${Math.round((passed / entered) * 100)}%`,
  ]);
  const reasons = rejections.map(({ reason, count }) => [reason, String(count)]);
  const tokens = `${summary.inputTokens} input and ${summary.outputTokens} output tokens`;
  return [
    table(['STAGE', 'ENTERED', 'PASSED', 'REJECTED', 'YIELD'], yields),
    ...(reasons.length > 0 ? [table(['REJECTED FOR', 'RECORDS'], reasons)] : []),
    `${accepted} of ${target} tasks accepted from ${records} records; ${calls} model calls, ${tokens}\n` +
      (summary.taskSet === undefined
        ? 'no task set was written\n'
        : `task set ${summary.taskSet}\n${acceptedTasksPath(out)}\n`),
  ].join('\n');
}

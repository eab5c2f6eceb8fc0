import { ClawError } from '../../base/error.ts';
import { plainText } from '../../base/plain-text.ts';
import { table } from '../../base/table.ts';
import type { RecordOverview } from '../../synthesis/record-overview.ts';
import { STAGES, zStage } from '../../synthesis/stage-names.ts';

export interface RecordFilter {
  readonly stage?: string | undefined;
  readonly rejected?: boolean | undefined;
}

/** Those that are asked for. Throws `InvalidInput` for a stage that there is not. */
export function chosenRecords(
  records: readonly RecordOverview[],
  { stage, rejected = false }: RecordFilter,
): readonly RecordOverview[] {
  if (stage !== undefined && !zStage.safeParse(stage).success) {
    throw new ClawError(
      'InvalidInput',
      `--stage ${JSON.stringify(stage)}: expected one of ${STAGES.join(', ')}`,
    );
  }
  return records.filter(
    (record) =>
      (stage === undefined || record.stage === stage) &&
      (!rejected || record.outcome === 'rejected'),
  );
}

/** One line a record, in order of number. */
export function recordsText(records: readonly RecordOverview[]): string {
  return table(
    ['RECORD', 'OUTCOME', 'STAGE', 'REASON', 'CALLS', 'REPAIRS', 'FROM', 'TITLE'],
    records.map(cells),
  );
}

function cells(record: RecordOverview): readonly string[] {
  const { number, outcome, stage, reason, calls, repairs, title } = record;
  return [
    ...[String(number), outcome, stage ?? '-', plainText(reason ?? '') || '-'],
    ...[String(calls), String(repairs), madeFrom(record), plainText(title ?? '', 60)],
  ];
}

/** `persona/ID` or `skill/ID,ID`, the primary skill first. */
function madeFrom({ route, seeds }: RecordOverview): string {
  return `${route}/${seeds.map((seed) => plainText(seed, 80)).join(',')}`;
}

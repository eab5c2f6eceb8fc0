import { ClawError } from '../../base/error.ts';
import { taskIdOf } from '../../synthesis/candidate.ts';
import { readRecord } from '../../synthesis/record.ts';
import { cliEnvironment } from '../environment.ts';
import type { OutputFormat } from '../output-format.ts';
import { stopSignal } from '../stop-signal.ts';
import { recordText } from './record-text.ts';
import {
  openSynthesisSource,
  type SynthesisFlags,
  type SynthesisSource,
} from './synthesis-source.ts';

export interface SynthesisShowOptions extends SynthesisFlags {
  readonly output: OutputFormat;
}

/** `clawgym synthesis show NAME RECORD`: everything that is kept of one record. */
export async function synthesisShowCommand(
  wanted: string,
  record: string,
  options: SynthesisShowOptions,
): Promise<void> {
  using stop = stopSignal(() => undefined);
  const number = numberOf(record);
  await using source = await openSynthesisSource(wanted, options, cliEnvironment(), stop.signal);
  const detail = await recordDetail(source, number);
  process.stdout.write(
    options.output === 'json'
      ? `${JSON.stringify(detail, null, 2)}\n`
      : recordText(detail, source.job.name),
  );
}

/** Of the record or of its task: `12`, `0012`, `office-tasks-0012`. */
export function numberOf(text: string): number {
  const number = Number(/^(?:.*-)?(\d{1,9})$/.exec(text)?.[1] ?? 0);
  if (number > 0) return number;
  throw new ClawError(
    'InvalidInput',
    `${JSON.stringify(text)}: expected the number of a record, or the id of its task (${taskIdOf('NAME', 12)})`,
  );
}

/** Throws `NotFound` for a record that was not begun. */
export async function recordDetail(
  source: Pick<SynthesisSource, 'job' | 'flags' | 'record' | 'calls'>,
  number: number,
) {
  const row = await source.record(number);
  if (row === undefined) {
    const { job, flags } = source;
    throw new ClawError(
      'NotFound',
      `SynthesisJob ${job.name} has no record ${number}; those that it has: clawgym synthesis records ${job.name}${flags}`,
    );
  }
  return { record: readRecord(row), calls: await source.calls(number) };
}

export type RecordDetail = Awaited<ReturnType<typeof recordDetail>>;

import { plainText } from '../../base/plain-text.ts';
import { cliEnvironment } from '../environment.ts';
import type { OutputFormat } from '../output-format.ts';
import { stopSignal } from '../stop-signal.ts';
import { chosenRecords, type RecordFilter, recordsText } from './records-text.ts';
import { openSynthesisSource, type SynthesisFlags } from './synthesis-source.ts';

export interface SynthesisRecordsOptions extends SynthesisFlags, RecordFilter {
  readonly output: OutputFormat;
}

/** `clawgym synthesis records NAME`: one line a record, also beside a job that goes on. */
export async function synthesisRecordsCommand(
  wanted: string,
  options: SynthesisRecordsOptions,
): Promise<void> {
  using stop = stopSignal(() => undefined);
  // A stage that there is not is said before anything is opened.
  chosenRecords([], options);
  await using source = await openSynthesisSource(wanted, options, cliEnvironment(), stop.signal);
  const { job } = source;
  if (job.deleted) {
    process.stderr.write(
      `${plainText(job.name)} was deleted (uid ${job.id}): its records are kept for the days of retention\n`,
    );
  }
  const records = chosenRecords(await source.overviews(), options);
  process.stdout.write(
    options.output === 'json' ? `${JSON.stringify(records, null, 2)}\n` : recordsText(records),
  );
}

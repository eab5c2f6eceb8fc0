import { table } from '../base/table.ts';
import type { Outcome } from '../rollouts/outcome.ts';
import { DEFAULT_EXPORT_FILTER } from '../trajectories/export-filter.ts';
import { exportMessages } from '../trajectories/export-messages.ts';
import { SPLITS } from '../trajectories/split-clusters.ts';
import { cliEnvironment } from './environment.ts';
import { exportTasks } from './export-tasks.ts';
import { findBatch } from './find-batch.ts';
import type { OutputFormat } from './output-format.ts';
import { openRecordSource, type SourceFlags } from './record-source.ts';
import { stopSignal } from './stop-signal.ts';
import { type WrittenExport, writeExport } from './write-export.ts';

export interface ExportCommandOptions extends SourceFlags {
  readonly to: string;
  readonly minScore: number;
  readonly outcome?: readonly Outcome[] | undefined;
  readonly validationPercent: number;
  readonly seed: number;
  readonly output: OutputFormat;
}

/** `clawgym export BATCH... --to DIR`: conversations of finished rollouts as rows for training. */
export async function exportCommand(
  wanted: readonly string[],
  options: ExportCommandOptions,
): Promise<void> {
  using stop = stopSignal(() => undefined);
  const { signal } = stop;
  await using source = await openRecordSource(options, cliEnvironment(), signal);
  const found = await Promise.all(wanted.map((name) => findBatch(source, name)));
  const batches = [...new Set(found.map(({ id }) => id))];
  const tasks = await exportTasks(source, batches, signal);
  const filter = {
    outcomes: options.outcome ?? DEFAULT_EXPORT_FILTER.outcomes,
    minScore: options.minScore,
  };
  const split = { validationPercent: options.validationPercent, seed: options.seed };
  const lines = exportMessages(source, batches, { filter, split, tasks });
  const written = await writeExport(options.to, lines, signal);
  process.stdout.write(
    options.output === 'json' ? `${JSON.stringify(written, null, 2)}\n` : textOf(written),
  );
}

function textOf({
  folder,
  digest,
  manifest: { splits, rollouts, excluded },
}: WrittenExport): string {
  const rows = SPLITS.map((split) => {
    const { rows: count, rollouts: from, tasks, clusters } = splits[split];
    return [split, ...[count, from, tasks, clusters].map(String)];
  });
  const left = Object.entries(excluded).filter(([, count]) => count > 0);
  const why = left.map(([reason, count]) => `${count} ${reason}`).join(', ');
  return [
    table(['SPLIT', 'ROWS', 'ROLLOUTS', 'TASKS', 'LINEAGES'], rows),
    `${rollouts.taken} of ${rollouts.seen} rollouts${why === '' ? '' : `; left out: ${why}`}\n`,
    `${folder} (manifest sha256:${digest})\n`,
  ].join('');
}

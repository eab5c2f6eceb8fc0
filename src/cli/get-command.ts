import { plainText } from '../base/plain-text.ts';
import { table } from '../base/table.ts';
import { cliEnvironment } from './environment.ts';
import { findBatch } from './find-batch.ts';
import { type NamedRollout, rolloutName } from './find-rollout.ts';
import type { OutputFormat } from './output-format.ts';
import { openRecordSource, type SourceFlags } from './record-source.ts';
import { stopSignal } from './stop-signal.ts';

export interface GetOptions extends SourceFlags {
  readonly output: OutputFormat;
}

/** `clawgym get rollouts BATCH`: one line a rollout, in plan order. */
export async function getRolloutsCommand(wanted: string, options: GetOptions): Promise<void> {
  using stop = stopSignal(() => undefined);
  await using source = await openRecordSource(options, cliEnvironment(), stop.signal);
  const batch = await findBatch(source, wanted);
  if (batch.deleted) {
    process.stderr.write(
      `${plainText(batch.name)} was deleted (uid ${batch.id}): its records are kept for the days of retention\n`,
    );
  }
  const rows = await source.store.listRollouts(batch.id);
  const named = rows.map((row) => ({ row, name: rolloutName(batch, row) }));
  process.stdout.write(
    options.output === 'json'
      ? `${JSON.stringify(named.map(rolloutJson), null, 2)}\n`
      : table(['ROLLOUT', 'OUTCOME', 'SCORE', 'FINDINGS', 'REASON'], named.map(cells)),
  );
}

function cells({ row: { decision }, name }: NamedRollout): readonly string[] {
  if (decision === undefined) return [plainText(name), 'undecided', '-', '-', ''];
  const { outcome, score, findings, reason } = decision;
  const shown = score.final === null ? '-' : score.final.toFixed(4);
  return [plainText(name), outcome, shown, String(findings.length), plainText(reason)];
}

function rolloutJson({ row, name }: NamedRollout): object {
  const { id, taskId, taskDigest, sample, decision } = row;
  return { name, id, taskId, taskDigest, sample, decision: decision ?? null };
}

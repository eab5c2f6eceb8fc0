import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { asSha256, type Sha256 } from '../base/brand.ts';
import { ClawError } from '../base/error.ts';
import { table } from '../base/table.ts';
import type { Outcome } from '../rollouts/outcome.ts';
import { openTaskSet } from '../tasks/set/open-task-set.ts';
import { sessionOpenings } from '../trajectories/call-tree.ts';
import { DEFAULT_EXPORT_FILTER } from '../trajectories/export-filter.ts';
import { type ExportTask, exportMessages } from '../trajectories/export-messages.ts';
import { SPLITS } from '../trajectories/split-clusters.ts';
import { cliEnvironment } from './environment.ts';
import { findBatch } from './find-batch.ts';
import type { OutputFormat } from './output-format.ts';
import { openRecordSource, type RecordSource, type SourceFlags } from './record-source.ts';
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
  const tasks = new Map<Sha256, ExportTask>();
  for (const digest of await taskSetsOf(source, batches)) {
    for (const [task, facts] of await readTasks(source, digest, signal)) tasks.set(task, facts);
  }
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

async function taskSetsOf(
  { store }: RecordSource,
  batches: readonly Parameters<RecordSource['store']['getBatch']>[0][],
): Promise<ReadonlySet<Sha256>> {
  const digests = new Set<Sha256>();
  for (const id of batches) {
    const batch = await store.getBatch(id);
    if (batch !== undefined) digests.add(asSha256(batch.taskSet));
  }
  return digests;
}

/** The tasks of a stored set, which is hostile input as any other: it is read from a file, checked. */
async function readTasks(
  { artifacts }: RecordSource,
  digest: Sha256,
  signal: AbortSignal,
): Promise<readonly (readonly [Sha256, ExportTask])[]> {
  const folder = await mkdtemp(join(tmpdir(), 'clawgym-export-'));
  try {
    const file = join(folder, 'tasks.tar');
    await pipeline(await storedSet(artifacts, digest), createWriteStream(file), { signal });
    const set = await openTaskSet(file, signal);
    await set.close();
    return set.tasks.map(({ task, digest: id }) => [
      id,
      { cluster: task.cluster, openings: sessionOpenings(task.instruction.turns) },
    ]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function storedSet(artifacts: RecordSource['artifacts'], digest: Sha256) {
  try {
    return await artifacts.stream(digest);
  } catch (cause) {
    throw new ClawError(
      'NotFound',
      `the tasks of this run (task set ${digest.slice(0, 12)}) are not kept beside its records: run the same line again with this version, which keeps them and repeats nothing`,
      { cause },
    );
  }
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

import type { TrainingData } from '../../api/training-data.ts';
import type { BatchId } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import { DEFAULT_EXPORT_FILTER } from '../../trajectories/export-filter.ts';
import { type StoredExportFiles, storeExport } from '../../trajectories/store-export.ts';
import { exportTasks } from '../export-tasks.ts';
import { openWorkFolder, type WorkReader, type WorkStore } from '../run-outputs/work-store.ts';
import { unionSource } from './union-source.ts';

/** Exports the conversations of these batches, wherever in the work folder they ran, into one store. */
export async function freezeBatches(
  from: NonNullable<TrainingData['from']>,
  into: WorkStore,
  { work, signal }: { readonly work: string; readonly signal: AbortSignal },
): Promise<StoredExportFiles> {
  await using folder = await openWorkFolder(work);
  const found = await Promise.all(from.batches.map((name) => batchesNamed(folder.stores, name)));
  const batches = [...new Set(found.flat())];
  const readers = folder.stores.map(({ records, artifacts }) => ({ store: records, artifacts }));
  const source = unionSource([...readers, { store: into.records, artifacts: into.artifacts }]);
  const tasks = await exportTasks(source, batches, signal);
  const filter = { ...DEFAULT_EXPORT_FILTER, minScore: Number(from.minScore) };
  const split = { validationPercent: from.validationPercent, seed: from.seed };
  const artifacts = {
    put: (bytes: Uint8Array) => into.artifacts.put(bytes),
    putStream: (...put: Parameters<WorkStore['artifacts']['putStream']>) =>
      into.artifacts.putStream(...put),
    read: source.artifacts.read,
  };
  const made = await storeExport(
    batches,
    { filter, split, tasks },
    { store: source.store, artifacts },
  );
  if (made.rows > 0) return made;
  throw new ClawError(
    'InvalidInput',
    `data.from: no rollout of ${from.batches.join(', ')} is finished with a score of ${from.minScore} or more, so there is nothing to train on; see their scores with: clawgym get rollouts BATCH --out DIR`,
  );
}

/** The batches of a run, or the one with that id. Throws where one is not complete. */
async function batchesNamed(
  stores: readonly WorkReader[],
  name: string,
): Promise<readonly BatchId[]> {
  for (const { records } of stores) {
    const all = await records.listBatches();
    const named = all.filter(({ id, owner }) => owner.name === name || id === name);
    for (const { id } of named) {
      const { undecided } = await records.countOutcomes(id);
      if (undecided === 0) continue;
      throw new ClawError(
        'Conflict',
        `data.from: batch ${name} is not complete, ${undecided} rollouts are open: run it to its end first`,
      );
    }
    if (named.length > 0) return named.map(({ id }) => id);
  }
  throw new ClawError(
    'NotFound',
    `data.from: batch ${name} ran nowhere in the work folder: put it into the same manifest, or run it first into a folder beside this one`,
  );
}

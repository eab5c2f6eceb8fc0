import { asSha256, type BatchId, type Sha256 } from '../base/brand.ts';
import type { ArtifactStore } from '../store/artifacts.ts';
import type { RecordReader } from '../store/record-reader.ts';
import { sessionOpenings } from '../trajectories/call-tree.ts';
import type { ExportTask } from '../trajectories/export-messages.ts';
import { storedTasks } from './stored-tasks.ts';

/** Where batches and the task sets that they name are kept. */
export interface TaskSource {
  readonly store: Pick<RecordReader, 'getBatch'>;
  readonly artifacts: Pick<ArtifactStore, 'stream'>;
}

/** What an export of these batches must know of their tasks, which are kept beside the records. */
export async function exportTasks(
  source: TaskSource,
  batches: readonly BatchId[],
  signal: AbortSignal,
): Promise<ReadonlyMap<Sha256, ExportTask>> {
  const tasks = new Map<Sha256, ExportTask>();
  const sets = new Set<Sha256>();
  for (const id of batches) {
    const batch = await source.store.getBatch(id);
    if (batch !== undefined) sets.add(asSha256(batch.taskSet));
  }
  for (const digest of sets) {
    for (const { task, digest: id } of await storedTasks(source.artifacts, digest, signal)) {
      const openings = sessionOpenings(task.instruction.turns);
      tasks.set(id, { cluster: task.cluster, openings });
    }
  }
  return tasks;
}

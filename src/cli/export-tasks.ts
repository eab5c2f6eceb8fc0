import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { asSha256, type BatchId, type Sha256 } from '../base/brand.ts';
import { ClawError } from '../base/error.ts';
import type { ArtifactStore } from '../store/artifacts.ts';
import type { RecordReader } from '../store/record-reader.ts';
import { openTaskSet } from '../tasks/set/open-task-set.ts';
import { sessionOpenings } from '../trajectories/call-tree.ts';
import type { ExportTask } from '../trajectories/export-messages.ts';

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
    for (const [task, facts] of await readTasks(source, digest, signal)) tasks.set(task, facts);
  }
  return tasks;
}

/** The tasks of a stored set, which is hostile input as any other: it is read from a file, checked. */
async function readTasks(
  { artifacts }: TaskSource,
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

async function storedSet(artifacts: TaskSource['artifacts'], digest: Sha256): Promise<Readable> {
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

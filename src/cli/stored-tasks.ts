import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Sha256 } from '../base/brand.ts';
import { ClawError } from '../base/error.ts';
import type { ArtifactStore } from '../store/artifacts.ts';
import { openTaskSet } from '../tasks/set/open-task-set.ts';
import type { TaskEntry } from '../tasks/task-set.ts';

/**
 * The tasks of a stored set, which is hostile input as any other: it is read from a file, checked. Throws
 * `NotFound` where it is not kept.
 */
export async function storedTasks(
  artifacts: Pick<ArtifactStore, 'stream'>,
  digest: Sha256,
  signal: AbortSignal,
): Promise<readonly TaskEntry[]> {
  const folder = await mkdtemp(join(tmpdir(), 'clawgym-tasks-'));
  try {
    const file = join(folder, 'tasks.tar');
    await pipeline(await storedSet(artifacts, digest), createWriteStream(file), { signal });
    const set = await openTaskSet(file, signal);
    await set.close();
    return set.tasks;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function storedSet(
  artifacts: Pick<ArtifactStore, 'stream'>,
  digest: Sha256,
): Promise<Readable> {
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

import { Readable } from 'node:stream';
import { ClawError } from '../base/error.ts';
import type { ArtifactStore } from '../store/artifacts.ts';
import { DEFAULT_TASK_SET_LIMITS } from '../tasks/set/open-task-set.ts';
import { taskSetBytes } from '../tasks/set/task-set-bytes.ts';
import type { TaskSet } from '../tasks/task-set.ts';

/**
 * Keeps the tasks of a run beside its records, under the digest that its batches name, as the server
 * of a cluster does: what was run can be read back whatever became of the folder that it came from.
 */
export async function keepTaskSet(
  artifacts: Pick<ArtifactStore, 'size' | 'putStream'>,
  { digest, tasks, blobs }: TaskSet,
  signal: AbortSignal,
): Promise<void> {
  if ((await artifacts.size(digest)) !== undefined) return;
  const bytes = Readable.from(taskSetBytes(tasks, blobs, signal));
  const maxBytes = DEFAULT_TASK_SET_LIMITS.fileBytes;
  const { digest: stored } = await artifacts.putStream(bytes, { maxBytes });
  if (stored === digest) return;
  throw new ClawError('Internal', `the tasks of set ${digest} were written as ${stored}`);
}

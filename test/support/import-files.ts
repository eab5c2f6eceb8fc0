import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sha256 } from '../../src/base/brand.ts';
import { loadTaskSet } from '../../src/tasks/load-task-set.ts';
import { TRAILER_BYTES, tarHeader, tarPadding } from '../../src/tasks/set/tar-header.ts';
import { TASKS_NAME } from '../../src/tasks/set/task-set-bytes.ts';
import { writeTaskSet } from '../../src/tasks/set/write-task-set.ts';
import type { PodFields } from './sandbox-pods.ts';
import { tempDir } from './temp-dir.ts';

const EXAMPLES = join(import.meta.dirname, '../../examples/tasks');

/** A pod that reads a volume for batch `batch-uid` of namespace `team-a`. */
export function importerPod(fields: PodFields = {}): PodFields {
  return {
    ...{ name: 'importer', uid: 'pod-import', ownerKind: 'RolloutBatch' },
    ...{ jobName: 'a-batch', jobUid: 'batch-uid' },
    ...fields,
  };
}

/** An example task as a task-set file. */
export async function packedExample(name: string): Promise<{ bytes: Buffer; digest: Sha256 }> {
  await using dir = await tempDir();
  const { signal } = new AbortController();
  const options = { scanAgentCode: () => 'none' as const, signal };
  const { set } = await loadTaskSet(join(EXAMPLES, name), options);
  const file = join(dir.path, 'set.tar');
  const { digest } = await writeTaskSet(file, set.tasks, set.blobs, signal);
  return { bytes: await readFile(file), digest };
}

/** A task-set file of these rows, sound or not, without files. */
export function setOfRows(rows: Buffer): Buffer {
  const entry = [tarHeader(TASKS_NAME, rows.length), rows, tarPadding(rows.length)];
  return Buffer.concat([...entry, Buffer.alloc(TRAILER_BYTES)]);
}

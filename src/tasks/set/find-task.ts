import type { Sha256 } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import type { TaskEntry } from '../task-set.ts';
import { readTask } from './open-task-set.ts';
import { BLOCK, readTarHeader } from './tar-header.ts';
import { TASKS_NAME } from './task-set-bytes.ts';

/** The task that is looked for; its digest proves what was found. */
export interface WantedTask {
  readonly id: string;
  readonly digest: Sha256;
}

/**
 * One task of a task-set file that is not on this machine: its tasks stand first, and no byte is read
 * behind the one that is wanted. The set itself is not checked. Undefined where no task has that digest.
 * Throws `TooLarge` where it does not come within `maxBytes`, `CorruptArtifact` for no task set.
 */
export async function findTask(
  bytes: AsyncIterable<unknown>,
  { id, digest }: WantedTask,
  maxBytes: number,
): Promise<TaskEntry | undefined> {
  const named = JSON.stringify(id);
  /** Of the entry with the tasks; known once its header is read. */
  let left: number | undefined;
  for await (const line of linesOf(bytes, maxBytes)) {
    const row = left === undefined ? line.subarray(BLOCK) : line;
    left ??= sizeOfTasks(line);
    left -= row.length + 1;
    if (left < 0) throw new ClawError('CorruptArtifact', 'no task set: its tasks have no end');
    // A row is large and its digest dear: only those that have the id somewhere are read.
    const text = row.toString('utf8');
    const entry = text.includes(named) ? readTask(text, TASKS_NAME) : undefined;
    if (entry?.digest === digest) return entry;
    if (left === 0) return undefined;
  }
  throw new ClawError('CorruptArtifact', 'no task set: it ends before its tasks do');
}

function sizeOfTasks(start: Buffer): number {
  const header = readTarHeader(start.subarray(0, BLOCK));
  if (header?.name === TASKS_NAME) return header.size;
  throw new ClawError('CorruptArtifact', `no task set: its first entry is not ${TASKS_NAME}`);
}

/** Without their line feeds; what follows the last one is left out. */
async function* linesOf(bytes: AsyncIterable<unknown>, maxBytes: number): AsyncGenerator<Buffer> {
  let pieces: Buffer[] = [];
  let size = 0;
  for await (const chunk of bytes) {
    if (!(chunk instanceof Uint8Array)) continue;
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      yield Buffer.concat([...pieces, rest.subarray(0, end)]);
      pieces = [];
      rest = rest.subarray(end + 1);
    }
    pieces.push(rest);
    size += chunk.byteLength;
    if (size > maxBytes) {
      throw new ClawError('TooLarge', `the task is not within the first ${maxBytes} bytes`);
    }
  }
}

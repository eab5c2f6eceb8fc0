import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { asSha256, isSha256, parseJson, type Sha256 } from '../../base/brand.ts';
import { canonicalJson } from '../../base/canonical-json.ts';
import { sha256 } from '../../base/digest.ts';
import { ClawError, errorMessage } from '../../base/error.ts';
import { DEFAULT_IMPORT_LIMITS } from '../import/import-limits.ts';
import { shown } from '../import/import-problem.ts';
import { unboundedReason } from '../import/parse-document.ts';
import { zTask } from '../task.ts';
import { taskDigest } from '../task-digest.ts';
import { distinctBlobs } from '../task-files.ts';
import { checkTaskRules } from '../task-rules.ts';
import type { TaskEntry, TaskSet } from '../task-set.ts';
import { BLOCK, readTarHeader, TRAILER_BYTES, tarPadding } from './tar-header.ts';
import { BLOBS_PREFIX, TASKS_NAME } from './task-set-bytes.ts';

/** Bounds of what a task-set file may hold; the file is hostile input. */
export interface TaskSetLimits {
  readonly fileBytes: number;
  readonly tasksBytes: number;
  readonly blobBytes: number;
  readonly tasks: number;
}

export const DEFAULT_TASK_SET_LIMITS: TaskSetLimits = {
  fileBytes: 16 * 1024 ** 3,
  tasksBytes: 512 * 1024 ** 2,
  blobBytes: 64 * 1024 ** 2,
  tasks: 100_000,
};

/** A task set on disk. Blobs are read, and verified, when they are asked for. */
export interface OpenTaskSet extends TaskSet {
  close(): Promise<void>;
}

/** A task set whose file is opened for each blob anew: nobody has to close it, and it may be let go of. */
export interface ReadTaskSet extends TaskSet {
  /** Length of its tasks as text; in memory they take some times as much. */
  readonly tasksBytes: number;
}

interface Place {
  readonly offset: number;
  readonly size: number;
}

/**
 * Opens a task-set file: checks every tar header, the order of entries, every task, and that the
 * blobs are exactly those that the tasks name; hashes the whole file. Throws `CorruptArtifact`.
 */
export async function openTaskSet(
  file: string,
  signal: AbortSignal,
  limits: TaskSetLimits = DEFAULT_TASK_SET_LIMITS,
): Promise<OpenTaskSet> {
  const handle = await open(file, 'r');
  try {
    const { digest, tasks, places } = await check(handle, file, signal, limits);
    return {
      digest,
      tasks,
      blobs: { read: (blob) => readBlob(handle, file, places, blob) },
      close: () => handle.close(),
    };
  } catch (cause) {
    await handle.close();
    throw cause;
  }
}

/** As `openTaskSet`; blobs can be read for as long as the file is there. */
export async function readTaskSet(
  file: string,
  signal: AbortSignal,
  limits: TaskSetLimits = DEFAULT_TASK_SET_LIMITS,
): Promise<ReadTaskSet> {
  await using handle = await open(file, 'r');
  const { digest, tasks, places } = await check(handle, file, signal, limits);
  const read = async (blob: Sha256): Promise<Uint8Array> => {
    await using again = await open(file, 'r');
    return await readBlob(again, file, places, blob);
  };
  return { digest, tasks, blobs: { read }, tasksBytes: places.get(TASKS_NAME)?.size ?? 0 };
}

async function check(
  handle: FileHandle,
  file: string,
  signal: AbortSignal,
  limits: TaskSetLimits,
): Promise<{
  readonly digest: Sha256;
  readonly tasks: readonly TaskEntry[];
  readonly places: ReadonlyMap<string, Place>;
}> {
  const { size } = await handle.stat();
  if (size > limits.fileBytes)
    throw new ClawError('TooLarge', `${file}: ${size} bytes, at most ${limits.fileBytes} are read`);
  const places = await scanEntries(handle, file, size, limits, signal);
  const tasks = await readTasks(handle, file, places, limits);
  checkBlobs(file, tasks, places);
  return { digest: await hashFile(handle, size, signal), tasks, places };
}

async function scanEntries(
  handle: FileHandle,
  file: string,
  size: number,
  limits: TaskSetLimits,
  signal: AbortSignal,
): Promise<Map<string, Place>> {
  const places = new Map<string, Place>();
  let offset = 0;
  let previous = '';
  while (offset < size - TRAILER_BYTES) {
    signal.throwIfAborted();
    const header = readTarHeader(await readExactly(handle, file, offset, BLOCK));
    if (header === undefined)
      throw corrupt(file, `at byte ${offset}: not an entry header of a task set`);
    checkName(file, header.name, places.size === 0, previous);
    const cap = header.name === TASKS_NAME ? limits.tasksBytes : limits.blobBytes;
    if (header.size > cap)
      throw new ClawError(
        'TooLarge',
        `${file}: entry ${header.name} has ${header.size} bytes, at most ${cap} are read`,
      );
    offset += BLOCK;
    places.set(header.name, { offset, size: header.size });
    const padding = tarPadding(header.size);
    const end = offset + header.size + padding.length;
    if (end > size - TRAILER_BYTES) throw corrupt(file, `entry ${header.name} ends after the file`);
    const given = await readExactly(handle, file, offset + header.size, padding.length);
    if (!given.equals(padding))
      throw corrupt(file, `entry ${header.name} is followed by bytes that are not zero`);
    previous = header.name;
    offset = end;
  }
  if (offset !== size - TRAILER_BYTES)
    throw corrupt(file, `it has ${size} bytes, which is no whole tar file`);
  const trailer = await readExactly(handle, file, offset, TRAILER_BYTES);
  if (trailer.some((byte) => byte !== 0)) throw corrupt(file, 'its end is not two zero blocks');
  return places;
}

function checkName(file: string, name: string, first: boolean, previous: string): void {
  if (first) {
    if (name !== TASKS_NAME)
      throw corrupt(file, `the first entry is ${shown(name)}, expected ${TASKS_NAME}`);
    return;
  }
  if (!name.startsWith(BLOBS_PREFIX) || !isSha256(name.slice(BLOBS_PREFIX.length))) {
    throw corrupt(file, `entry ${shown(name)}, expected blobs/<sha256>`);
  }
  if (previous !== TASKS_NAME && name <= previous)
    throw corrupt(file, `entry ${name} is not in digest order, or appears twice`);
}

async function readTasks(
  handle: FileHandle,
  file: string,
  places: ReadonlyMap<string, Place>,
  limits: TaskSetLimits,
): Promise<TaskEntry[]> {
  const place = places.get(TASKS_NAME);
  if (place === undefined) throw corrupt(file, 'it has no entries');
  const bytes = await readExactly(handle, file, place.offset, place.size);
  if (!isUtf8(bytes)) throw corrupt(file, `${TASKS_NAME} is not UTF-8 text`);
  const lines = bytes.toString('utf8').split('\n');
  if (lines.pop() !== '') throw corrupt(file, `${TASKS_NAME} does not end with a line break`);
  if (lines.length > limits.tasks)
    throw new ClawError(
      'TooLarge',
      `${file}: ${lines.length} tasks, at most ${limits.tasks} are read`,
    );
  const ids = new Set<string>();
  return lines.map((line, index) => {
    const entry = readTask(line, `${file}: ${TASKS_NAME}, row ${index + 1}`);
    if (ids.has(entry.task.id)) throw corrupt(file, `two tasks have the id ${entry.task.id}`);
    ids.add(entry.task.id);
    return entry;
  });
}

/** One row of `tasks.jsonl`, checked. Throws `CorruptArtifact` with its `place`. */
export function readTask(line: string, place: string): TaskEntry {
  let value: unknown;
  try {
    value = parseJson(line);
  } catch (cause) {
    throw new ClawError('CorruptArtifact', `${place}: got ${shown(line)}, expected JSON`, {
      cause,
    });
  }
  const unbounded = unboundedReason(value, DEFAULT_IMPORT_LIMITS);
  if (unbounded !== undefined)
    throw new ClawError('CorruptArtifact', `${place}: expected ${unbounded}`);
  const parsed = zTask.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new ClawError(
      'CorruptArtifact',
      `${place}, field ${issue?.path.join('.')}: ${issue?.message}`,
    );
  }
  if (canonicalJson(parsed.data) !== line)
    throw new ClawError('CorruptArtifact', `${place}: not in canonical form`);
  try {
    checkTaskRules(parsed.data, { ...DEFAULT_IMPORT_LIMITS, fileBytes: Number.POSITIVE_INFINITY });
  } catch (cause) {
    throw new ClawError('CorruptArtifact', `${place}, ${errorMessage(cause)}`, { cause });
  }
  return { task: parsed.data, digest: taskDigest(parsed.data) };
}

function checkBlobs(
  file: string,
  tasks: readonly TaskEntry[],
  places: ReadonlyMap<string, Place>,
): void {
  const needed = distinctBlobs(tasks.map(({ task }) => task));
  for (const { digest, size } of needed) {
    const place = places.get(`${BLOBS_PREFIX}${digest}`);
    if (place === undefined) throw corrupt(file, `blob ${digest} is missing`);
    if (place.size !== size)
      throw corrupt(file, `blob ${digest} has ${place.size} bytes, expected ${size}`);
  }
  if (places.size - 1 !== needed.length)
    throw corrupt(file, `${places.size - 1 - needed.length} blobs belong to no task`);
}

async function hashFile(handle: FileHandle, size: number, signal: AbortSignal): Promise<Sha256> {
  const hash = createHash('sha256');
  const chunk = Buffer.alloc(Math.min(1 << 20, size));
  for (let offset = 0; offset < size; ) {
    signal.throwIfAborted();
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, offset);
    if (bytesRead === 0) break;
    hash.update(chunk.subarray(0, bytesRead));
    offset += bytesRead;
  }
  return asSha256(hash.digest('hex'));
}

async function readBlob(
  handle: FileHandle,
  file: string,
  places: ReadonlyMap<string, Place>,
  digest: Sha256,
): Promise<Uint8Array> {
  const place = places.get(`${BLOBS_PREFIX}${digest}`);
  if (place === undefined)
    throw new ClawError('NotFound', `${file}: no task file with digest ${digest}`);
  const bytes = await readExactly(handle, file, place.offset, place.size);
  if (sha256(bytes) !== digest)
    throw corrupt(file, `blob ${digest} has other contents than its name says`);
  return bytes;
}

async function readExactly(
  handle: FileHandle,
  file: string,
  offset: number,
  size: number,
): Promise<Buffer> {
  const bytes = Buffer.alloc(size);
  let done = 0;
  while (done < size) {
    const { bytesRead } = await handle.read(bytes, done, size - done, offset + done);
    if (bytesRead === 0)
      throw corrupt(file, `it ends at byte ${offset + done}, in the middle of an entry`);
    done += bytesRead;
  }
  return bytes;
}

function corrupt(file: string, reason: string): ClawError {
  return new ClawError('CorruptArtifact', `${file}: not a sound task set: ${reason}`);
}

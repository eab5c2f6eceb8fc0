import {
  closeSync,
  constants,
  fstatSync,
  fsync,
  openSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { promisify } from 'node:util';

/** Up to here a file is read or written at once: each trip through the thread pool costs more. */
export const AT_ONCE_BYTES = 256 * 1024;

const FOLDER_FLAGS = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** Non-blocking, so that a FIFO in place of the file cannot hold us. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

const sync = promisify(fsync);

/** Makes the names in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = openSync(path, FOLDER_FLAGS);
  try {
    await sync(folder);
  } finally {
    closeSync(folder);
  }
}

/** Writes a new file in one piece and waits for the disk only; refuses a name that exists. */
export async function writeNewFile(path: string, bytes: Uint8Array, mode: number): Promise<void> {
  const file = openSync(path, 'wx', mode);
  try {
    writeFileSync(file, bytes);
    await sync(file);
  } finally {
    closeSync(file);
  }
}

/** Opens a regular file to read, never through a link; undefined where there is none. */
export async function openRegular(path: string): Promise<FileHandle | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(path, READ_FLAGS);
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw cause;
  }
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  return undefined;
}

/** Bytes of a small regular file; undefined where there is none, or where it is not small. */
export function readSmallRegular(path: string): Uint8Array | undefined {
  let file: number;
  try {
    file = openSync(path, READ_FLAGS);
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw cause;
  }
  try {
    const stat = fstatSync(file);
    return stat.isFile() && stat.size <= AT_ONCE_BYTES ? readFileSync(file) : undefined;
  } finally {
    closeSync(file);
  }
}

export function hasCode(cause: unknown, ...codes: readonly string[]): boolean {
  return cause instanceof Error && 'code' in cause && codes.includes(String(cause.code));
}

const isMissing = (cause: unknown): boolean =>
  hasCode(cause, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO');

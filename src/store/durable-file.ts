import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** Makes the names in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  const handle = await open(
    path,
    constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW,
  );
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Opens a regular file to read, never through a link; undefined where there is none. */
export async function openRegular(path: string): Promise<FileHandle | undefined> {
  let handle: FileHandle;
  try {
    // non-blocking, so that a FIFO in place of the file cannot hold us
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw cause;
  }
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  return undefined;
}

export function hasCode(cause: unknown, ...codes: readonly string[]): boolean {
  return cause instanceof Error && 'code' in cause && codes.includes(String(cause.code));
}

const isMissing = (cause: unknown): boolean =>
  hasCode(cause, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO');

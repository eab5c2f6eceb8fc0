import { constants } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { BLOCK, readTarHeader } from './tar-header.ts';
import { TASKS_NAME } from './task-set-bytes.ts';

/** Whether a regular file begins as task sets do; what follows is not looked at. */
export async function isTaskSet(file: string): Promise<boolean> {
  const stats = await lstat(file).catch(() => undefined);
  if (!stats?.isFile()) return false;
  await using handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  const head = Buffer.alloc(BLOCK);
  const { bytesRead } = await handle.read(head, 0, BLOCK, 0);
  return bytesRead === BLOCK && readTarHeader(head)?.name === TASKS_NAME;
}

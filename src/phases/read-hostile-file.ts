import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * A regular file at a place where an agent could write too, or undefined where there is none of at
 * most `maxBytes`: no link is followed, no FIFO waited on, and no more read than was asked for.
 */
export async function readHostileFile(path: string, maxBytes: number): Promise<Buffer | undefined> {
  try {
    await using file = await open(path, FLAGS);
    const stat = await file.stat();
    if (!stat.isFile() || stat.size > maxBytes) return undefined;
    const bytes = Buffer.alloc(stat.size);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    return bytes.subarray(0, bytesRead);
  } catch {
    return undefined;
  }
}

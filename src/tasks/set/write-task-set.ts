import { createHash, randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { asSha256, type Sha256 } from '../../base/brand.ts';
import type { BlobSource, TaskEntry } from '../task-set.ts';
import { taskSetBytes } from './task-set-bytes.ts';

/**
 * Writes a task set as one file and returns its digest. The file appears whole or not at all: bytes
 * go to a temporary name beside it, are synced, then renamed.
 */
export async function writeTaskSet(
  file: string,
  entries: readonly TaskEntry[],
  blobs: BlobSource,
  signal: AbortSignal,
): Promise<{ digest: Sha256; bytes: number }> {
  const temporary = `${file}.${randomUUID()}.tmp`;
  try {
    const written = await writeBytes(temporary, entries, blobs, signal);
    await rename(temporary, file);
    return written;
  } catch (cause) {
    await rm(temporary, { force: true });
    throw cause;
  }
}

async function writeBytes(
  file: string,
  entries: readonly TaskEntry[],
  blobs: BlobSource,
  signal: AbortSignal,
): Promise<{ digest: Sha256; bytes: number }> {
  const handle = await open(file, 'wx', 0o644);
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const block of taskSetBytes(entries, blobs, signal)) {
      hash.update(block);
      bytes += block.byteLength;
      await handle.writeFile(block);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { digest: asSha256(hash.digest('hex')), bytes };
}

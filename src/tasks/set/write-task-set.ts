import { createHash, randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { asSha256, type Sha256 } from '../../base/brand.ts';
import type { BlobSource, TaskEntry } from '../task-set.ts';
import { taskSetBytes } from './task-set-bytes.ts';

const BUFFERED_BYTES = 1 << 20;

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
  let held: Uint8Array[] = [];
  let size = 0;
  let bytes = 0;
  const flush = async (): Promise<void> => {
    const chunk = Buffer.concat(held);
    held = [];
    size = 0;
    hash.update(chunk);
    await handle.writeFile(chunk);
  };
  try {
    for await (const chunk of taskSetBytes(entries, blobs, signal)) {
      held.push(chunk);
      size += chunk.length;
      bytes += chunk.length;
      if (size >= BUFFERED_BYTES) await flush();
    }
    await flush();
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { digest: asSha256(hash.digest('hex')), bytes };
}

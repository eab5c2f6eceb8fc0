import { createHash } from 'node:crypto';
import { asSha256, type Sha256 } from '../../base/brand.ts';
import { canonicalJson } from '../../base/canonical-json.ts';
import { ClawError } from '../../base/error.ts';
import { inBlocks } from '../../base/in-blocks.ts';
import { distinctBlobs } from '../task-files.ts';
import type { BlobSource, TaskEntry } from '../task-set.ts';
import { TRAILER_BYTES, tarHeader, tarPadding } from './tar-header.ts';

export const TASKS_NAME = 'tasks.jsonl';
export const BLOBS_PREFIX = 'blobs/';

/** Its pieces are headers and files of a few hundred bytes: each reader would pay for every one. */
const BLOCK_BYTES = 256 * 1024;

/**
 * The bytes of a task-set artifact: an uncompressed tar of `tasks.jsonl` (one canonical JSON a line,
 * in task order) and `blobs/<sha256>` in digest order. The same tasks give the same bytes on every
 * machine.
 */
export function taskSetBytes(
  entries: readonly TaskEntry[],
  blobs: BlobSource,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  return inBlocks(pieces(entries, blobs, signal), BLOCK_BYTES);
}

async function* pieces(
  entries: readonly TaskEntry[],
  blobs: BlobSource,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const lines = entries.map(({ task }) => Buffer.from(`${canonicalJson(task)}\n`));
  const size = lines.reduce((sum, line) => sum + line.length, 0);
  yield tarHeader(TASKS_NAME, size);
  yield* lines;
  yield tarPadding(size);
  for (const blob of distinctBlobs(entries.map(({ task }) => task))) {
    signal.throwIfAborted();
    const bytes = await blobs.read(blob.digest);
    if (bytes.length !== blob.size) {
      throw new ClawError(
        'CorruptArtifact',
        `task file ${blob.digest}: got ${bytes.length} bytes, expected ${blob.size}`,
      );
    }
    yield tarHeader(`${BLOBS_PREFIX}${blob.digest}`, blob.size);
    yield bytes;
    yield tarPadding(blob.size);
  }
  yield Buffer.alloc(TRAILER_BYTES);
}

/** The digest that names the artifact, without writing it. */
export async function taskSetDigest(
  entries: readonly TaskEntry[],
  blobs: BlobSource,
  signal: AbortSignal,
): Promise<Sha256> {
  const hash = createHash('sha256');
  for await (const chunk of taskSetBytes(entries, blobs, signal)) hash.update(chunk);
  return asSha256(hash.digest('hex'));
}

import { lstatSync, unlinkSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { asSha256, isSha256, type Sha256 } from '../base/brand.ts';
import { ClawError, errorMessage } from '../base/error.ts';
import type { SweptArtifacts } from './artifacts.ts';
import { hasCode } from './durable-file.ts';

export interface SweepOptions {
  readonly named: (digest: Sha256) => boolean;
  /** Milliseconds since the epoch. */
  readonly before: number;
  /** Somebody writes it at this moment. */
  readonly busy: (digest: Sha256) => boolean;
}

/** Files between two turns of the event loop. */
const AT_ONCE = 100;

/**
 * Removes from a folder of artifacts what nothing names and nobody wanted since. A file is looked at
 * and removed in one turn of the event loop, so that nobody can begin to want it in between.
 */
export async function sweepFolder(folder: string, options: SweepOptions): Promise<SweptArtifacts> {
  let [seen, removed, bytes] = [0, 0, 0];
  for (const name of await namesIn(folder)) {
    if (!isSha256(name)) continue;
    seen += 1;
    const size = removeOne(join(folder, name), asSha256(name), options);
    if (size !== undefined) {
      removed += 1;
      bytes += size;
    }
    if (seen % AT_ONCE === 0) await breathe();
  }
  return { seen, removed, bytes };
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    if (hasCode(cause, 'ENOENT', 'ENOTDIR')) return [];
    throw unavailable(folder, cause);
  }
}

/** Bytes of what was removed. */
function removeOne(path: string, digest: Sha256, options: SweepOptions): number | undefined {
  const { named, before, busy } = options;
  if (named(digest) || busy(digest)) return undefined;
  try {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat?.isFile() !== true || stat.mtimeMs >= before) return undefined;
    unlinkSync(path);
    return stat.size;
  } catch (cause) {
    throw unavailable(path, cause);
  }
}

function unavailable(path: string, cause: unknown): ClawError {
  return new ClawError('StoreUnavailable', `${path} cannot be swept: ${errorMessage(cause)}`, {
    cause,
    retryable: true,
  });
}

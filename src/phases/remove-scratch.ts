import { spawn } from 'node:child_process';
import { type Dir, type Dirent, lstatSync, opendirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Trees up to this size are removed here; for larger ones a process of its own keeps the loop free. */
const SMALL_TREE = 1000;
const SMALL_DEPTH = 64;
const REMOVE_SECONDS = 300;

/**
 * Removes a scratch tree whatever an agent made of it: closed folders, 100,000 files, folders nested
 * deeper than a path can name. Never throws, since what is left on the disk must not decide an
 * attempt; false where something is left.
 */
export async function removeScratch(path: string): Promise<boolean> {
  try {
    if (isSmall(path)) {
      rmSync(path, { recursive: true, force: true, maxRetries: 3 });
      return true;
    }
  } catch {
    // Closed folders and long paths: the programs below walk by descriptors, not by paths.
  }
  // Root needs no opening up; for others the folders that the agent closed to itself are in the way.
  if (await succeeds('rm', ['-rf', '--one-file-system', '--', path])) return true;
  await succeeds('chmod', ['-R', 'u+rwX', '--', path]);
  return await succeeds('rm', ['-rf', '--one-file-system', '--', path]);
}

/** Bounded by its own limit, so it may look at once: a small tree is gone in a millisecond. */
function isSmall(path: string): boolean {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return true;
  const pending = [{ folder: path, depth: 0 }];
  let seen = 0;
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const entry of entriesOf(opendirSync(next.folder))) {
      seen += 1;
      if (seen > SMALL_TREE || next.depth > SMALL_DEPTH) return false;
      if (!entry.isDirectory()) continue;
      pending.push({ folder: join(next.folder, entry.name), depth: next.depth + 1 });
    }
  }
  return true;
}

function* entriesOf(dir: Dir): Generator<Dirent> {
  try {
    for (let entry = dir.readSync(); entry !== null; entry = dir.readSync()) yield entry;
  } finally {
    dir.closeSync();
  }
}

async function succeeds(program: string, args: readonly string[]): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const child = spawn(program, args, {
    env: { PATH: '/usr/bin:/bin' },
    stdio: 'ignore',
    timeout: REMOVE_SECONDS * 1000,
    killSignal: 'SIGKILL',
  });
  child.once('error', () => resolve(false));
  child.once('close', (code) => resolve(code === 0));
  return await promise;
}

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ClawError, errorMessage } from '../../base/error.ts';

/**
 * Exclusive ownership of a store folder. The lock is the operating system's (fcntl, taken by SQLite
 * on an empty database of its own), so it goes with the process however that ends; the holder file
 * beside it only tells people who it is. It is another file than the records, so that readers can
 * still open those.
 */
const LOCK_FILE = 'owner.lock';
const HOLDER_FILE = 'owner.txt';

/** Takes the lock or throws `StoreUnavailable` naming the holder. Disposing gives it back. */
export function takeOwnerLock(folder: string, holder: string): Disposable {
  const lock = new DatabaseSync(join(folder, LOCK_FILE), { timeout: 0 });
  try {
    // in memory, so that no journal file outlives a kill
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (cause) {
    lock.close();
    throw new ClawError(
      'StoreUnavailable',
      `the store ${folder} is in use by ${readHolder(folder)}; wait for that run or end it, or name another folder with --out`,
      { cause, retryable: true, details: { folder, reason: errorMessage(cause) } },
    );
  }
  writeFileSync(join(folder, HOLDER_FILE), `${holder}\n`);
  return {
    [Symbol.dispose]: () => {
      if (!lock.isOpen) return;
      rmSync(join(folder, HOLDER_FILE), { force: true });
      lock.close();
    },
  };
}

function readHolder(folder: string): string {
  try {
    const text = readFileSync(join(folder, HOLDER_FILE), 'utf8').trim();
    return text === '' ? 'another process' : text;
  } catch {
    return 'another process';
  }
}

import { existsSync, mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import type { Clock } from '../../base/clock.ts';
import { ClawError, errorMessage } from '../../base/error.ts';
import type { BatchNotes, ClusterStore } from '../cluster-records.ts';
import type { ObjectReader, ObjectRecords } from '../object-records.ts';
import type { RecordReader } from '../record-reader.ts';
import type { RecordStore } from '../records.ts';
import type { SynthesisLists, SynthesisReader, SynthesisRecords } from '../synthesis-records.ts';
import { Connection } from './connection.ts';
import { knownSchemaVersion, migrate } from './migrations.ts';
import { takeOwnerLock } from './owner-lock.ts';
import { SCHEMA_STEPS } from './schema.ts';
import { SqliteClusterStore } from './sqlite-cluster-store.ts';
import { SqliteReader } from './sqlite-reader.ts';
import { SqliteStore } from './sqlite-store.ts';

const DATABASE_FILE = 'records.sqlite';
/** Readers beside the owner wait this long, in milliseconds, for a checkpoint to pass. */
const BUSY_TIMEOUT_MS = 5000;

export interface SqliteStoreOptions {
  /** Folder of the store; made where it is missing. */
  readonly folder: string;
  /** Who owns the store, for the message to a second process: "pid 12 of clawgym run ...". */
  readonly holder: string;
  readonly clock: Clock;
  /**
   * What a commit outlives. `power` (the default): a loss of power. `process`: kill -9 at any moment; a
   * loss of power may take the last moments, never the consistency. It saves an fsync a commit.
   */
  readonly survives?: 'power' | 'process';
  /** What to do where a newer version wrote the store, a sentence; default: that of a checkout. */
  readonly ifNewer?: string;
}

/**
 * Opens the record store for this process alone. Throws `StoreUnavailable` where another process
 * owns it, where a newer version wrote it, or where the folder cannot be used.
 */
export function openSqliteStore(
  options: SqliteStoreOptions,
): Promise<RecordStore & ObjectRecords & SynthesisRecords & BatchNotes> {
  return openOwned(options, (connection, lock) => new SqliteStore(connection, lock));
}

/** As `openSqliteStore`, with what a cluster's server keeps beside the records. */
export function openSqliteClusterStore(options: SqliteStoreOptions): Promise<ClusterStore> {
  return openOwned(options, (connection, lock) => new SqliteClusterStore(connection, lock));
}

async function openOwned<T>(
  options: SqliteStoreOptions,
  make: (connection: Connection, lock: Disposable) => T,
): Promise<T> {
  return await inFolder(options.folder, () => {
    mkdirSync(options.folder, { recursive: true });
    const folder = realpathSync(options.folder);
    const path = join(folder, DATABASE_FILE);
    const lock = takeOwnerLock(folder, options.holder);
    try {
      const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
      try {
        knownSchemaVersion(db, path, options.ifNewer);
        const synchronous = options.survives === 'process' ? 'NORMAL' : 'FULL';
        db.exec(
          `PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}; PRAGMA foreign_keys = ON`,
        );
        migrate(db, path, options.clock.now());
      } catch (cause) {
        db.close();
        throw cause;
      }
      return make(new Connection(db), lock);
    } catch (cause) {
      lock[Symbol.dispose]();
      throw cause;
    }
  });
}

/** Opens the store to read, while its owner runs or afterwards. Throws `NotFound` without a store. */
export async function openSqliteReader(
  folder: string,
): Promise<RecordReader & ObjectReader & SynthesisReader & SynthesisLists> {
  return await inFolder(folder, () => {
    const path = join(folder, DATABASE_FILE);
    if (!existsSync(path)) {
      throw new ClawError('NotFound', `${folder} holds no record store (no file ${DATABASE_FILE})`);
    }
    const db = openReadOnly(path);
    try {
      const version = knownSchemaVersion(db, path);
      if (version < SCHEMA_STEPS.length) {
        throw new ClawError(
          'StoreUnavailable',
          `${path} has record schema ${version}, this program reads ${SCHEMA_STEPS.length}: ` +
            'resume the run once with this version to bring it up to date',
        );
      }
      return new SqliteReader(new Connection(db));
    } catch (cause) {
      db.close();
      throw cause;
    }
  });
}

function openReadOnly(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
  try {
    db.prepare('SELECT count(*) FROM sqlite_schema').get();
    return db;
  } catch (cause) {
    db.close();
    // a folder that this user may not write: without a log left over, the file alone is complete
    if (existsSync(`${path}-wal`)) throw cause;
    const url = pathToFileURL(path);
    url.searchParams.set('immutable', '1');
    return new DatabaseSync(url, { readOnly: true });
  }
}

function inFolder<T>(folder: string, open: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    try {
      resolve(open());
    } catch (cause) {
      if (cause instanceof ClawError) reject(cause);
      else {
        const message = `the record store in ${folder} cannot be opened: ${errorMessage(cause)}`;
        reject(new ClawError('StoreUnavailable', message, { cause }));
      }
    }
  });
}

import type { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { ClawError } from '../../base/error.ts';
import { SCHEMA_STEPS } from './schema.ts';

const zVersion = z.object({ version: z.int().min(0) });
const zStep = z.object({ applied_at: z.int() });
const zCount = z.object({ tables: z.int() });

/**
 * Version of the schema in this file; 0 where it is new and empty. Throws `StoreUnavailable` for a
 * database that holds something else.
 */
export function schemaVersion(db: DatabaseSync, path: string): number {
  const table = "SELECT count(*) AS tables FROM sqlite_schema WHERE type = 'table'";
  if (zCount.parse(db.prepare(`${table} AND name = 'schema_version'`).get()).tables === 0) {
    if (zCount.parse(db.prepare(table).get()).tables === 0) return 0;
    throw new ClawError(
      'StoreUnavailable',
      `${path} is a SQLite database but not a record store (it has no table schema_version); name another folder`,
    );
  }
  const row = db.prepare('SELECT max(version) AS version FROM schema_version').get();
  return zVersion.parse(row).version;
}

/** The next step of a person with a checkout. */
const UPDATE_CHECKOUT =
  'Update with `git pull && npm ci` in the checkout, or name another folder with --out.';

/**
 * The version, where this program knows it. Throws `StoreUnavailable` where a newer product wrote the
 * store: nothing in it is changed then.
 *
 * @param nextStep What to do about it, a sentence; default: that of a checkout.
 */
export function knownSchemaVersion(
  db: DatabaseSync,
  path: string,
  nextStep: string = UPDATE_CHECKOUT,
): number {
  const version = schemaVersion(db, path);
  const known = SCHEMA_STEPS.length;
  if (version <= known) return version;
  throw new ClawError(
    'StoreUnavailable',
    `${path} has record schema ${version} (since ${newestStep(db)}), this program knows up to ${known}: ` +
      `a newer version wrote it. ${nextStep}`,
    { details: { version, known } },
  );
}

/** When the newest step was made: tells which release it was. */
function newestStep(db: DatabaseSync): string {
  const row = db.prepare('SELECT max(version), applied_at FROM schema_version').get();
  return new Date(zStep.parse(row).applied_at).toISOString();
}

/** Brings a schema of a known version to the newest; each step and its version row are one transaction. */
export function migrate(
  db: DatabaseSync,
  path: string,
  now: number,
  steps: readonly string[] = SCHEMA_STEPS,
): void {
  const from = schemaVersion(db, path);
  if (from >= steps.length) return;
  db.exec('BEGIN IMMEDIATE');
  try {
    db.exec(
      'CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT',
    );
    for (const [index, step] of steps.entries()) {
      if (index < from) continue;
      db.exec(step);
      db.prepare('INSERT INTO schema_version VALUES (?, ?)').run(index + 1, now);
    }
    db.exec('COMMIT');
  } catch (cause) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw cause;
  }
}

import { z } from 'zod';
import type { JobRef } from '../cluster-records.ts';
import { parseRow } from './columns.ts';
import type { Connection } from './connection.ts';

const zKey = z.object({ name: z.string() });

/**
 * Under which names a batch's Job may be stored. Batches of two namespaces may give their Jobs the same
 * name: the first has it alone, as every Job of earlier releases, the other's stands behind its batch.
 */
export function jobKeys({ batch, name }: JobRef): readonly [string, string] {
  return [name, `${batch}/${name}`];
}

/** No Job of a cluster has a slash in its name. */
export const jobNameOf = (key: string): string => key.slice(key.lastIndexOf('/') + 1);

/** The name under which the Job is stored, or is to be. */
export function jobKey(db: Connection, ref: JobRef): string {
  const [plain, full] = jobKeys(ref);
  const sql = 'SELECT name FROM jobs WHERE batch = ? AND name IN (?, ?)';
  const known = db.get(sql, ref.batch, plain, full);
  if (known !== undefined) return parseRow(zKey, 'jobs', known).name;
  return db.get('SELECT name FROM jobs WHERE name = ?', plain) === undefined ? plain : full;
}

import { z } from 'zod';
import type { Sha256 } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import type { TrainingRow } from '../training-records.ts';
import { parseRow, zDigest } from './columns.ts';
import type { Connection } from './connection.ts';

const TABLE = 'training_runs';

const zRun = z
  .object({
    uid: z.string(),
    namespace: z.string(),
    name: z.string(),
    spec_digest: zDigest,
    spec: z.string(),
    data_json: z.string(),
    created_at: z.int(),
  })
  .transform(
    ({ spec_digest: specDigest, data_json: data, created_at: createdAt, ...row }): TrainingRow => ({
      ...{ ...row, specDigest, data, createdAt },
    }),
  );
const zUpload = z.object({ digest: zDigest });

export function getTraining(db: Connection, uid: string): TrainingRow | undefined {
  const row = db.get(`SELECT * FROM ${TABLE} WHERE uid = ?`, uid);
  return row === undefined ? undefined : parseRow(zRun, TABLE, row);
}

export function listTrainings(db: Connection): readonly TrainingRow[] {
  return db
    .all(`SELECT * FROM ${TABLE} ORDER BY created_at, uid`)
    .map((row) => parseRow(zRun, TABLE, row));
}

export function planTraining(db: Connection, row: TrainingRow): TrainingRow {
  db.run(
    `INSERT INTO ${TABLE} (uid, namespace, name, spec_digest, spec, data_json, created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    ...[row.uid, row.namespace, row.name, row.specDigest, row.spec, row.data, row.createdAt],
  );
  const stored = getTraining(db, row.uid) ?? row;
  if (stored.specDigest === row.specDigest) return stored;
  throw new ClawError(
    'Conflict',
    `TrainingRun ${row.namespace}/${row.name} (uid ${row.uid}) is stored with specification ${stored.specDigest.slice(0, 12)}, not ${row.specDigest.slice(0, 12)}; create another TrainingRun`,
  );
}

export function saveTraining(db: Connection, uid: string, data: string): void {
  if (db.run(`UPDATE ${TABLE} SET data_json = ? WHERE uid = ?`, data, uid) === 1) return;
  throw new ClawError('NotFound', `no training run ${uid} in this store`);
}

export function addTrainingUpload(db: Connection, run: string, digest: Sha256): void {
  const sql = 'INSERT INTO training_uploads (run, digest) VALUES (?, ?) ON CONFLICT DO NOTHING';
  db.run(sql, run, digest);
}

export function trainingUploads(db: Connection, run: string): ReadonlySet<Sha256> {
  const rows = db.all('SELECT digest FROM training_uploads WHERE run = ?', run);
  return new Set(rows.map((row) => parseRow(zUpload, 'training_uploads', row).digest));
}

export function forgetTrainingUploads(
  db: Connection,
  run: string,
  digests: readonly Sha256[],
): void {
  for (const digest of digests) {
    db.run('DELETE FROM training_uploads WHERE run = ? AND digest = ?', run, digest);
  }
}

const zAbsence = z.object({ uid: z.string(), absent_since: z.int() });

export function trainingAbsences(db: Connection): ReadonlyMap<string, number> {
  const rows = db.all(`SELECT uid, absent_since FROM ${TABLE} WHERE absent_since IS NOT NULL`);
  return new Map(
    rows.map((row) => {
      const { uid, absent_since: since } = parseRow(zAbsence, TABLE, row);
      return [uid, since];
    }),
  );
}

export function setTrainingAbsence(db: Connection, uid: string, since: number | undefined): void {
  db.run(`UPDATE ${TABLE} SET absent_since = ? WHERE uid = ?`, since ?? null, uid);
}

/** From what names others to what is named; ?1 is the run, ?2 the most rows. */
const REMOVALS: readonly string[] = [
  ...['rl_batches:name', 'rl_steps:step', 'rl_policies:version', 'training_uploads:digest'].map(
    (place) => {
      const [table, key] = place.split(':');
      return `DELETE FROM ${table} WHERE (run, ${key}) IN
        (SELECT run, ${key} FROM ${table} WHERE run = ?1 LIMIT ?2)`;
    },
  ),
  'DELETE FROM rl_runs WHERE run IN (SELECT run FROM rl_runs WHERE run = ?1 LIMIT ?2)',
  `DELETE FROM ${TABLE} WHERE uid IN (SELECT uid FROM ${TABLE} WHERE uid = ?1 LIMIT ?2)`,
];

export function removeTraining(
  db: Connection,
  uid: string,
  most: number,
): { readonly removed: number; readonly gone: boolean } {
  let removed = 0;
  for (const sql of REMOVALS) {
    removed += db.run(sql, uid, most - removed);
    if (removed >= most) return { removed, gone: false };
  }
  return { removed, gone: true };
}

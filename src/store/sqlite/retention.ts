import { z } from 'zod';
import { asSha256, type BatchId, isSha256, type Sha256 } from '../../base/brand.ts';
import type { DigestCursor, DigestPage } from '../retention-records.ts';
import { parseRow, zBatchId } from './columns.ts';
import type { Connection } from './connection.ts';

const zNamer = z.object({ batch: zBatchId });
const zAbsence = z.object({ batch: zBatchId, since: z.int() });

export function absences(db: Connection): ReadonlyMap<BatchId, number> {
  const rows = db.all('SELECT batch, since FROM absences');
  return new Map(
    rows.map((row) => {
      const { batch, since } = parseRow(zAbsence, 'absences', row);
      return [batch, since];
    }),
  );
}

export function setAbsence(db: Connection, batch: BatchId, since: number | undefined): void {
  if (since === undefined) {
    db.run('DELETE FROM absences WHERE batch = ?', batch);
    return;
  }
  const sql = 'INSERT INTO absences (batch, since) VALUES (?, ?) ON CONFLICT DO NOTHING';
  db.run(sql, batch, since);
}

export function pinArtifact(db: Connection, batch: BatchId, digest: Sha256): void {
  db.run(
    'INSERT INTO artifact_pins (batch, digest) VALUES (?, ?) ON CONFLICT DO NOTHING',
    batch,
    digest,
  );
}

export function batchesOf(db: Connection, digest: Sha256): readonly BatchId[] {
  return db
    .all(
      `SELECT id AS batch FROM batches WHERE task_set = ?1
       UNION SELECT batch FROM batch_notes WHERE value = ?1
       UNION SELECT batch FROM batch_notes WHERE key = 'exports' AND instr(value, '"' || ?1 || '"') > 0
       UNION SELECT batch FROM artifact_pins WHERE digest = ?1`,
      digest,
    )
    .map((row) => parseRow(zNamer, 'batches', row).batch);
}

const ATTEMPTS = `SELECT attempts.id FROM attempts
  JOIN rollouts ON rollouts.id = attempts.rollout WHERE rollouts.batch = ?1`;
const PODS = `SELECT pod_uid FROM pod_evidence WHERE batch = ?1
  UNION SELECT pod_uid FROM claims WHERE job IN (SELECT name FROM jobs WHERE batch = ?1)`;

/** From what names others to what is named; ?1 is the batch, ?2 the most rows. */
const REMOVALS: readonly string[] = [
  `DELETE FROM calls WHERE seq IN (SELECT seq FROM calls WHERE attempt IN (${ATTEMPTS}) LIMIT ?2)`,
  `DELETE FROM verifications WHERE seq IN
     (SELECT seq FROM verifications WHERE attempt IN (${ATTEMPTS}) LIMIT ?2)`,
  `DELETE FROM model_losses WHERE attempt IN
     (SELECT attempt FROM model_losses WHERE attempt IN (${ATTEMPTS}) LIMIT ?2)`,
  `DELETE FROM fetch_findings WHERE pod_uid IN
     (SELECT pod_uid FROM fetch_findings WHERE pod_uid IN (${PODS}) LIMIT ?2)`,
  `DELETE FROM pod_reports WHERE pod_uid IN
     (SELECT pod_uid FROM pod_reports WHERE pod_uid IN (${PODS}) LIMIT ?2)`,
  'DELETE FROM pod_uploads WHERE seq IN (SELECT seq FROM pod_uploads WHERE batch = ?1 LIMIT ?2)',
  `DELETE FROM claims WHERE (pod_uid, role) IN (SELECT pod_uid, role FROM claims
     WHERE job IN (SELECT name FROM jobs WHERE batch = ?1) LIMIT ?2)`,
  `DELETE FROM pod_evidence WHERE pod_uid IN
     (SELECT pod_uid FROM pod_evidence WHERE batch = ?1 LIMIT ?2)`,
  `DELETE FROM job_rows WHERE (job, position) IN (SELECT job, position FROM job_rows
     WHERE job IN (SELECT name FROM jobs WHERE batch = ?1) LIMIT ?2)`,
  'DELETE FROM jobs WHERE seq IN (SELECT seq FROM jobs WHERE batch = ?1 LIMIT ?2)',
  // Attempts and rollouts name each other.
  `UPDATE rollouts SET attempt = NULL WHERE seq IN
     (SELECT seq FROM rollouts WHERE batch = ?1 AND attempt IS NOT NULL LIMIT ?2)`,
  `DELETE FROM attempts WHERE seq IN (SELECT attempts.seq FROM attempts
     JOIN rollouts ON rollouts.id = attempts.rollout WHERE rollouts.batch = ?1 LIMIT ?2)`,
  'DELETE FROM rollouts WHERE seq IN (SELECT seq FROM rollouts WHERE batch = ?1 LIMIT ?2)',
  `DELETE FROM artifact_pins WHERE (batch, digest) IN
     (SELECT batch, digest FROM artifact_pins WHERE batch = ?1 LIMIT ?2)`,
  `DELETE FROM batch_notes WHERE (batch, key) IN
     (SELECT batch, key FROM batch_notes WHERE batch = ?1 LIMIT ?2)`,
  'DELETE FROM absences WHERE batch IN (SELECT batch FROM absences WHERE batch = ?1 LIMIT ?2)',
  'DELETE FROM batches WHERE seq IN (SELECT seq FROM batches WHERE id = ?1 LIMIT ?2)',
];

export function removeRows(
  db: Connection,
  batch: BatchId,
  most: number,
): { readonly removed: number; readonly gone: boolean } {
  let removed = 0;
  for (const sql of REMOVALS) {
    removed += db.run(sql, batch, most - removed);
    if (removed >= most) return { removed, gone: false };
  }
  return { removed, gone: true };
}

/** Rows of one page; bounds the time that the event loop is held. */
const PAGE = 1000;

/** Every column that may name an artifact, as text, in the order of its table's key. */
const NAMING: readonly {
  readonly table: string;
  readonly key: readonly string[];
  readonly text: string;
}[] = [
  { table: 'batches', key: ['seq'], text: 'task_set' },
  { table: 'batch_notes', key: ['batch', 'key'], text: 'value' },
  { table: 'artifact_pins', key: ['batch', 'digest'], text: 'digest' },
  { table: 'attempts', key: ['seq'], text: "coalesce(end_json, '')" },
  { table: 'calls', key: ['seq'], text: "request || ' ' || coalesce(finish_json, '')" },
  { table: 'claims', key: ['pod_uid', 'role'], text: 'reads_json' },
  { table: 'pod_reports', key: ['pod_uid'], text: 'report' },
  { table: 'rl_runs', key: ['run'], text: 'plan_json' },
  // The arrays of a step that is trained can be made again from its calls.
  {
    table: 'rl_steps',
    key: ['run', 'step'],
    text: "iif(trained_json IS NULL, frozen_json, coalesce(json_extract(frozen_json, '$.index'), ''))",
  },
  { table: 'rl_policies', key: ['run', 'version'], text: "model || ' ' || files_json" },
  { table: 'synthesis_records', key: ['job', 'number'], text: 'data_json' },
  { table: 'synthesis_calls', key: ['call_id'], text: "request || ' ' || response" },
  { table: 'objects', key: ['kind', 'name'], text: "name || ' ' || spec" },
  { table: 'training_runs', key: ['uid'], text: "spec || ' ' || data_json" },
  { table: 'training_uploads', key: ['run', 'digest'], text: 'digest' },
  { table: 'synthesis_jobs', key: ['id'], text: 'spec' },
  { table: 'synthesis_runs', key: ['job'], text: "coalesce(result, '')" },
  { table: 'synthesis_rounds', key: ['job', 'id'], text: 'task_set' },
];

const zNaming = z.object({
  text: z.string(),
  first: z.union([z.string(), z.int()]),
  second: z.union([z.string(), z.int()]).nullable(),
});

export function namedDigests(
  db: Connection,
  { table, key }: DigestCursor = { table: 0, key: [] },
): DigestPage {
  const naming = NAMING[table];
  if (naming === undefined) return { digests: [], next: undefined };
  const [first = '', second] = naming.key;
  const places = naming.key.map(() => '?').join(', ');
  const from = key.length === 0 ? '' : `WHERE (${naming.key.join(', ')}) > (${places})`;
  const rows = db
    .all(
      `SELECT ${naming.text} AS text, ${first} AS first, ${second ?? 'NULL'} AS second
       FROM ${naming.table} ${from} ORDER BY ${naming.key.join(', ')} LIMIT ${PAGE}`,
      ...key,
    )
    .map((row) => parseRow(zNaming, naming.table, row));
  const last = rows.at(-1);
  const more = rows.length === PAGE && last !== undefined;
  return {
    digests: rows.flatMap(({ text }) => digestsIn(text)),
    next: more
      ? { table, key: last.second === null ? [last.first] : [last.first, last.second] }
      : table + 1 < NAMING.length
        ? { table: table + 1, key: [] }
        : undefined,
  };
}

const zModel = z.object({ digest: z.string() });

/** Models that rows name as such; what these name is in their manifests. */
export function namedModels(db: Connection): readonly Sha256[] {
  return db
    .all(
      `SELECT digest FROM (
         SELECT spec ->> '$.inputs.base' AS digest FROM training_runs
         UNION SELECT data_json ->> '$.end.model' FROM training_runs
         UNION SELECT plan_json ->> '$.base' FROM rl_runs
         UNION SELECT model FROM rl_policies
         UNION SELECT name FROM objects WHERE kind = 'Model'
         UNION SELECT substr(spec ->> '$.spec.model.artifact', -64) FROM batches
       ) WHERE digest IS NOT NULL`,
    )
    .map((row) => parseRow(zModel, 'training_runs', row).digest)
    .filter(isSha256);
}

/** Whatever has the form of a digest: to keep one artifact too many is no harm. */
function digestsIn(text: string): readonly Sha256[] {
  return (text.match(/[0-9a-f]{64}/g) ?? []).map(asSha256);
}

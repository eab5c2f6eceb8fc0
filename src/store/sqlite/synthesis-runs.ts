import { z } from 'zod';
import type { SynthesisJobRow, SynthesisRecordRow } from '../synthesis-records.ts';
import type {
  NewSynthesisRun,
  SynthesisLine,
  SynthesisRunChanges,
  SynthesisRunRow,
  SynthesisUsage,
} from '../synthesis-runs.ts';
import { absent, parseRow } from './columns.ts';
import type { Connection } from './connection.ts';
import { planSynthesis, zSynthesisRecord } from './synthesis.ts';

const zRun = z
  .object({
    job: z.string(),
    namespace: z.string(),
    name: z.string(),
    steering: z.string(),
    worker: absent(z.string()),
    failure: absent(z.string()),
    result: absent(z.string()),
    cancelled: absent(z.string()),
    absent_since: absent(z.int()),
  })
  .transform(({ absent_since: absentSince, ...row }): SynthesisRunRow => ({ ...row, absentSince }));

const TABLE = 'synthesis_runs';
const runOf = (row: unknown): SynthesisRunRow => parseRow(zRun, TABLE, row);

export function planSynthesisRun(
  db: Connection,
  job: SynthesisJobRow,
  { namespace, name, steering }: NewSynthesisRun,
): void {
  planSynthesis(db, job);
  db.run(
    `INSERT INTO synthesis_runs (job, namespace, name, steering) VALUES (?, ?, ?, ?)
     ON CONFLICT DO NOTHING`,
    ...[job.id, namespace, name, steering],
  );
}

export function getSynthesisRun(db: Connection, job: string): SynthesisRunRow | undefined {
  const row = db.get('SELECT * FROM synthesis_runs WHERE job = ?', job);
  return row === undefined ? undefined : runOf(row);
}

export function synthesisRunOfWorker(db: Connection, worker: string): SynthesisRunRow | undefined {
  const row = db.get('SELECT * FROM synthesis_runs WHERE worker = ?', worker);
  return row === undefined ? undefined : runOf(row);
}

export function listSynthesisRuns(db: Connection): readonly SynthesisRunRow[] {
  return db.all('SELECT * FROM synthesis_runs ORDER BY job').map(runOf);
}

/** How each field is set; of ends the first value holds. */
const SETTERS = {
  steering: 'steering = ?',
  worker: 'worker = ?',
  failure: 'failure = ?',
  result: 'result = coalesce(result, ?)',
  cancelled: 'cancelled = coalesce(cancelled, ?)',
  absentSince: 'absent_since = ?',
} as const satisfies Record<keyof SynthesisRunChanges, string>;
const FIELDS = ['steering', 'worker', 'failure', 'result', 'cancelled', 'absentSince'] as const;

export function changeSynthesisRun(
  db: Connection,
  job: string,
  changes: SynthesisRunChanges,
): void {
  for (const field of FIELDS) {
    const value = changes[field];
    if (value === undefined) continue;
    db.run(`UPDATE synthesis_runs SET ${SETTERS[field]} WHERE job = ?`, value, job);
  }
}

export function getSynthesisRecord(
  db: Connection,
  job: string,
  number: number,
): SynthesisRecordRow | undefined {
  const row = db.get('SELECT * FROM synthesis_records WHERE job = ? AND number = ?', job, number);
  return row === undefined ? undefined : parseRow(zSynthesisRecord, 'synthesis_records', row);
}

export function pageSynthesisRecords(
  db: Connection,
  job: string,
  after: number,
  most: number,
): readonly SynthesisRecordRow[] {
  return db
    .all(
      'SELECT * FROM synthesis_records WHERE job = ? AND number > ? ORDER BY number LIMIT ?',
      ...[job, after, most],
    )
    .map((row) => parseRow(zSynthesisRecord, 'synthesis_records', row));
}

const zLine = z.object({
  number: z.int(),
  stage: z.string(),
  rejectedBy: absent(z.string()),
  reason: absent(z.string()),
});

export function synthesisLines(db: Connection, job: string): readonly SynthesisLine[] {
  return db
    .all(
      `SELECT number, stage,
         CASE stage WHEN 'rejected' THEN data_json ->> '$.rejection.stage' END AS rejectedBy,
         CASE stage WHEN 'rejected' THEN data_json ->> '$.rejection.reason' END AS reason
       FROM synthesis_records WHERE job = ? ORDER BY number`,
      job,
    )
    .map((row) => parseRow(zLine, 'synthesis_records', row));
}

const zUsage = z.object({
  calls: z.int(),
  inputTokens: z.int(),
  outputTokens: z.int(),
  startedAt: absent(z.int()),
});

export function synthesisUsage(db: Connection, job: string): SynthesisUsage {
  const row = db.get(
    `SELECT count(*) AS calls, coalesce(sum(input_tokens), 0) AS inputTokens,
       coalesce(sum(output_tokens), 0) AS outputTokens, min(started_at) AS startedAt
     FROM synthesis_calls WHERE job = ?`,
    job,
  );
  return parseRow(zUsage, 'synthesis_calls', row);
}

/** From what names others to what is named; ?1 is the job, ?2 the most rows. */
const REMOVALS: readonly string[] = [
  `DELETE FROM synthesis_calls WHERE call_id IN
     (SELECT call_id FROM synthesis_calls WHERE job = ?1 LIMIT ?2)`,
  `DELETE FROM synthesis_gates WHERE (job, number, task, label, run) IN
     (SELECT job, number, task, label, run FROM synthesis_gates WHERE job = ?1 LIMIT ?2)`,
  `DELETE FROM synthesis_rounds WHERE (job, id) IN
     (SELECT job, id FROM synthesis_rounds WHERE job = ?1 LIMIT ?2)`,
  `DELETE FROM synthesis_records WHERE (job, number) IN
     (SELECT job, number FROM synthesis_records WHERE job = ?1 LIMIT ?2)`,
  'DELETE FROM synthesis_runs WHERE job IN (SELECT job FROM synthesis_runs WHERE job = ?1 LIMIT ?2)',
  'DELETE FROM synthesis_jobs WHERE id IN (SELECT id FROM synthesis_jobs WHERE id = ?1 LIMIT ?2)',
];

export function removeSynthesisRows(
  db: Connection,
  job: string,
  most: number,
): { readonly removed: number; readonly gone: boolean } {
  let removed = 0;
  for (const sql of REMOVALS) {
    removed += db.run(sql, job, most - removed);
    if (removed >= most) return { removed, gone: false };
  }
  return { removed, gone: true };
}

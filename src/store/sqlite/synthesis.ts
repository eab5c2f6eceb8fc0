import { z } from 'zod';
import { ClawError } from '../../base/error.ts';
import type {
  SynthesisCallRow,
  SynthesisJobRow,
  SynthesisRecordRow,
} from '../synthesis-records.ts';
import { absent, parseRow, zDigest } from './columns.ts';
import type { Connection } from './connection.ts';

const zJob = z
  .object({ id: z.string(), spec_digest: zDigest, spec: z.string(), created_at: z.int() })
  .transform(
    ({ id, spec, ...row }): SynthesisJobRow => ({
      ...{ id, spec, specDigest: row.spec_digest, createdAt: row.created_at },
    }),
  );

export const zSynthesisRecord = z
  .object({
    job: z.string(),
    number: z.int(),
    revision: z.int(),
    stage: z.string(),
    data_json: z.string(),
    ended_at: absent(z.int()),
  })
  .transform(
    ({ data_json: data, ended_at: endedAt, ...row }): SynthesisRecordRow => ({
      ...{ ...row, data, endedAt },
    }),
  );

const zCall = z
  .object({
    call_id: z.string(),
    job: z.string(),
    number: z.int(),
    stage: z.string(),
    role: z.enum(['generator', 'judge']),
    model: z.string(),
    request: zDigest,
    response: zDigest,
    status: z.int(),
    input_tokens: z.int(),
    output_tokens: z.int(),
    started_at: z.int(),
    ended_at: z.int(),
  })
  .transform(
    (row): SynthesisCallRow => ({
      callId: row.call_id,
      job: row.job,
      number: row.number,
      stage: row.stage,
      role: row.role,
      model: row.model,
      request: row.request,
      response: row.response,
      status: row.status,
      inputTokens: row.input_tokens,
      outputTokens: row.output_tokens,
      startedAt: row.started_at,
      endedAt: row.ended_at,
    }),
  );

export function getSynthesis(db: Connection, job: string): SynthesisJobRow | undefined {
  const row = db.get('SELECT * FROM synthesis_jobs WHERE id = ?', job);
  return row === undefined ? undefined : parseRow(zJob, 'synthesis_jobs', row);
}

export function listSyntheses(db: Connection): readonly SynthesisJobRow[] {
  return db
    .all('SELECT * FROM synthesis_jobs ORDER BY created_at, id')
    .map((row) => parseRow(zJob, 'synthesis_jobs', row));
}

export function planSynthesis(db: Connection, job: SynthesisJobRow): void {
  const known = getSynthesis(db, job.id);
  if (known === undefined) {
    db.run(
      'INSERT INTO synthesis_jobs (id, spec_digest, spec, created_at) VALUES (?, ?, ?, ?)',
      ...[job.id, job.specDigest, job.spec, job.createdAt],
    );
    return;
  }
  if (known.specDigest === job.specDigest) return;
  throw new ClawError(
    'Conflict',
    `the synthesis ${job.id} is stored with specification ${known.specDigest.slice(0, 12)}, not ${job.specDigest.slice(0, 12)}`,
  );
}

const RECORD = 'SELECT * FROM synthesis_records WHERE job = ?';

export function listSynthesisRecords(db: Connection, job: string): readonly SynthesisRecordRow[] {
  return db
    .all(`${RECORD} ORDER BY number`, job)
    .map((row) => parseRow(zSynthesisRecord, 'synthesis_records', row));
}

export function addSynthesisRecord(db: Connection, row: SynthesisRecordRow): void {
  db.run(
    `INSERT INTO synthesis_records (job, number, revision, stage, data_json, ended_at)
     VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    ...[row.job, row.number, row.revision, row.stage, row.data, row.endedAt ?? null],
  );
}

export function saveSynthesisRecord(db: Connection, row: SynthesisRecordRow): void {
  const changed = db.run(
    `UPDATE synthesis_records SET revision = ?, stage = ?, data_json = ?, ended_at = ?
     WHERE job = ? AND number = ? AND revision = ? AND ended_at IS NULL`,
    ...[row.revision, row.stage, row.data, row.endedAt ?? null],
    ...[row.job, row.number, row.revision - 1],
  );
  if (changed === 1) return;
  throw new ClawError(
    'Conflict',
    `record ${row.number} of synthesis ${row.job}: checkpoint ${row.revision} does not follow what is stored`,
  );
}

export function getSynthesisCall(db: Connection, callId: string): SynthesisCallRow | undefined {
  const row = db.get('SELECT * FROM synthesis_calls WHERE call_id = ?', callId);
  return row === undefined ? undefined : parseRow(zCall, 'synthesis_calls', row);
}

export function listSynthesisCalls(db: Connection, job: string): readonly SynthesisCallRow[] {
  return db
    .all('SELECT * FROM synthesis_calls WHERE job = ? ORDER BY number, started_at, call_id', job)
    .map((row) => parseRow(zCall, 'synthesis_calls', row));
}

export function listRecordCalls(
  db: Connection,
  job: string,
  number: number,
): readonly SynthesisCallRow[] {
  return db
    .all(
      'SELECT * FROM synthesis_calls WHERE job = ? AND number = ? ORDER BY started_at, call_id',
      ...[job, number],
    )
    .map((row) => parseRow(zCall, 'synthesis_calls', row));
}

export function addSynthesisCall(db: Connection, row: SynthesisCallRow): SynthesisCallRow {
  db.run(
    `INSERT INTO synthesis_calls (call_id, job, number, stage, role, model, request, response,
       status, input_tokens, output_tokens, started_at, ended_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    ...[row.callId, row.job, row.number, row.stage, row.role, row.model],
    ...[row.request, row.response, row.status, row.inputTokens, row.outputTokens],
    ...[row.startedAt, row.endedAt],
  );
  return getSynthesisCall(db, row.callId) ?? row;
}

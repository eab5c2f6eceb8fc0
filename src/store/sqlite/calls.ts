import { z } from 'zod';
import type { AttemptId } from '../../base/brand.ts';
import { canonicalJson } from '../../base/canonical-json.ts';
import { ClawError } from '../../base/error.ts';
import type { CallFinish, CallRow, OpenCall } from '../records.ts';
import { needAttempt } from './attempts.ts';
import { absent, json, parseRow, zAttemptId, zDigest } from './columns.ts';
import type { Connection } from './connection.ts';

export const zCallFinish = z.object({
  status: z.int(),
  contentType: z.string(),
  response: zDigest,
  result: z.enum(['complete', 'aborted', 'budget', 'error']),
  inputTokens: absent(z.number()),
  outputTokens: absent(z.number()),
  tokens: zDigest.optional(),
  endedAt: z.number(),
});

const zCall = z
  .object({
    call_id: z.string(),
    attempt: zAttemptId,
    sequence: z.int(),
    started_at: z.int(),
    model: z.string(),
    request: zDigest,
    finish_json: absent(json(zCallFinish)),
  })
  .transform(
    (row): CallRow => ({
      callId: row.call_id,
      attempt: row.attempt,
      sequence: row.sequence,
      startedAt: row.started_at,
      model: row.model,
      request: row.request,
      finish: row.finish_json,
    }),
  );

export function getCall(db: Connection, callId: string): CallRow | undefined {
  const row = db.get('SELECT * FROM calls WHERE call_id = ?', callId);
  return row === undefined ? undefined : parseRow(zCall, 'calls', row);
}

function needCall(db: Connection, callId: string): CallRow {
  const row = getCall(db, callId);
  if (row === undefined)
    throw new ClawError('NotFound', `no call ${JSON.stringify(callId)} was opened`);
  return row;
}

export function listCalls(db: Connection, attempt: AttemptId): readonly CallRow[] {
  return db
    .all('SELECT * FROM calls WHERE attempt = ? ORDER BY sequence', attempt)
    .map((row) => parseRow(zCall, 'calls', row));
}

const zNext = z.object({ next: z.int() });

export function openCall(db: Connection, call: OpenCall): { row: CallRow; created: boolean } {
  const known = getCall(db, call.callId);
  if (known !== undefined) {
    if (known.attempt === call.attempt) return { row: known, created: false };
    // call ids come out of a sandbox: one attempt must not read another's record by guessing
    throw new ClawError(
      'Conflict',
      `call id ${JSON.stringify(call.callId)} is not free: choose a fresh random one`,
    );
  }
  needAttempt(db, call.attempt);
  const last = 'SELECT coalesce(max(sequence), 0) + 1 AS next FROM calls WHERE attempt = ?';
  const { next } = parseRow(zNext, 'calls', db.get(last, call.attempt));
  db.run(
    'INSERT INTO calls (call_id, attempt, sequence, started_at, model, request) VALUES (?, ?, ?, ?, ?, ?)',
    call.callId,
    call.attempt,
    next,
    call.startedAt,
    call.model,
    call.request,
  );
  return { row: needCall(db, call.callId), created: true };
}

/** First finish wins: what the agent saw is never rewritten. */
export function finishCall(db: Connection, callId: string, finish: CallFinish): void {
  if (needCall(db, callId).finish !== undefined) return;
  db.run('UPDATE calls SET finish_json = ? WHERE call_id = ?', canonicalJson(finish), callId);
}

import { z } from 'zod';
import { type AttemptId, asAttemptId, type RolloutId } from '../../base/brand.ts';
import { canonicalJson } from '../../base/canonical-json.ts';
import { ClawError } from '../../base/error.ts';
import { AGENT_ENDS } from '../../rollouts/outcome.ts';
import type { AttemptClaim, AttemptClose, AttemptEnd, AttemptRow } from '../records.ts';
import {
  absent,
  json,
  parseRow,
  zAttemptId,
  zDigest,
  zFindings,
  zOutcome,
  zRolloutId,
} from './columns.ts';
import type { Connection } from './connection.ts';
import { needRollout } from './rollouts.ts';

export const zAttemptEnd = z.object({
  agent: z.object({
    exitCode: z.number().nullable(),
    signal: z.string().nullable(),
    reason: z.enum(AGENT_ENDS),
    seconds: z.number(),
  }),
  snapshot: absent(zDigest),
  refused: absent(z.string()),
  stdout: absent(zDigest),
  stderr: absent(zDigest),
  findings: zFindings,
  endedAt: z.number(),
});

export const zAttempt = z
  .object({
    id: zAttemptId,
    rollout: zRolloutId,
    number: z.int(),
    engine: z.string(),
    nonce: z.string(),
    started_at: z.int(),
    harness_json: json(z.object({ name: z.string(), version: z.string(), configDigest: zDigest })),
    end_json: absent(json(zAttemptEnd)),
    class: zOutcome.or(z.literal('disruption')).nullable(),
    reason: z.string().nullable(),
    closed_at: z.int().nullable(),
  })
  .transform(
    (row): AttemptRow => ({
      id: row.id,
      rollout: row.rollout,
      number: row.number,
      engine: row.engine,
      nonce: row.nonce,
      startedAt: row.started_at,
      harness: row.harness_json,
      end: row.end_json,
      close:
        row.class === null
          ? undefined
          : { class: row.class, reason: row.reason ?? '', closedAt: row.closed_at ?? 0 },
    }),
  );

export function getAttempt(db: Connection, id: AttemptId): AttemptRow | undefined {
  const row = db.get('SELECT * FROM attempts WHERE id = ?', id);
  return row === undefined ? undefined : parseRow(zAttempt, 'attempts', row);
}

/** The attempt, or `NotFound`. */
export function needAttempt(db: Connection, id: AttemptId): AttemptRow {
  const row = getAttempt(db, id);
  if (row === undefined)
    throw new ClawError('NotFound', `no attempt ${id} was opened in this store`);
  return row;
}

export function listAttempts(db: Connection, rollout: RolloutId): readonly AttemptRow[] {
  return db
    .all('SELECT * FROM attempts WHERE rollout = ? ORDER BY number', rollout)
    .map((row) => parseRow(zAttempt, 'attempts', row));
}

export function openAttempt(db: Connection, id: RolloutId, claim: AttemptClaim): AttemptRow {
  const { decision } = needRollout(db, id);
  if (decision !== undefined) {
    throw new ClawError('Conflict', `rollout ${id} is decided already: ${decision.outcome}`);
  }
  const last = listAttempts(db, id).at(-1);
  if (last !== undefined && last.close === undefined) {
    throw new ClawError('Conflict', `attempt ${last.id} of engine ${last.engine} is still open`);
  }
  const number = (last?.number ?? 0) + 1;
  const attempt = asAttemptId(`${id}#${number}`);
  db.run(
    `INSERT INTO attempts (id, rollout, number, engine, nonce, started_at, harness_json)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
    attempt,
    id,
    number,
    claim.engine,
    claim.nonce,
    claim.startedAt,
    canonicalJson(claim.harness),
  );
  return needAttempt(db, attempt);
}

/** First end wins; a repeat by the same claim is a no-op. */
export function endAttempt(db: Connection, id: AttemptId, nonce: string, end: AttemptEnd): void {
  const attempt = needAttempt(db, id);
  if (attempt.nonce !== nonce) {
    throw new ClawError('Fenced', `attempt ${id} belongs to another claim; its end was not stored`);
  }
  if (attempt.end !== undefined) return;
  if (attempt.close !== undefined) {
    throw new ClawError(
      'Fenced',
      `attempt ${id} was closed as ${attempt.close.class} before its end arrived; the end was not stored`,
    );
  }
  db.run('UPDATE attempts SET end_json = ? WHERE id = ?', canonicalJson(end), id);
}

export function closeAttempt(
  db: Connection,
  id: AttemptId,
  close: AttemptClose,
  end?: AttemptEnd,
): void {
  const attempt = needAttempt(db, id);
  if (attempt.close !== undefined) {
    if (attempt.close.class === close.class) return;
    throw new ClawError(
      'Conflict',
      `attempt ${id} is closed as ${attempt.close.class}, now asked to close as ${close.class}`,
    );
  }
  // In one statement: an end without its class would be taken for one to verify.
  db.run(
    `UPDATE attempts SET class = ?, reason = ?, closed_at = ?, end_json = COALESCE(end_json, ?)
     WHERE id = ?`,
    close.class,
    close.reason,
    close.closedAt,
    end === undefined ? null : canonicalJson(end),
    id,
  );
}

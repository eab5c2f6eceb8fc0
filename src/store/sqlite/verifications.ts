import { z } from 'zod';
import type { AttemptId } from '../../base/brand.ts';
import { canonicalJson } from '../../base/canonical-json.ts';
import type { VerificationRow } from '../records.ts';
import { needAttempt } from './attempts.ts';
import { json, parseRow, zAttemptId, zChecks, zFindings } from './columns.ts';
import type { Connection } from './connection.ts';

export const zVerification = z
  .object({
    attempt: zAttemptId,
    kind: z.enum(['main', 'asLeft', 'doubled', 'pristine']),
    status: z.enum(['ok', 'crash', 'timeout', 'invalid']),
    message: z.string(),
    checks_json: json(zChecks),
    flat: z.number().nullable(),
    native: z.number().nullable(),
    seconds: z.number(),
    grader_json: json(z.object({ root: z.string(), python: z.string() })),
    findings_json: json(zFindings),
    created_at: z.int(),
  })
  .transform(
    (row): VerificationRow => ({
      attempt: row.attempt,
      kind: row.kind,
      status: row.status,
      message: row.message,
      checks: row.checks_json,
      flat: row.flat,
      native: row.native,
      seconds: row.seconds,
      grader: row.grader_json,
      findings: row.findings_json,
      createdAt: row.created_at,
    }),
  );

export function listVerifications(db: Connection, attempt: AttemptId): readonly VerificationRow[] {
  return db
    .all('SELECT * FROM verifications WHERE attempt = ? ORDER BY seq', attempt)
    .map((row) => parseRow(zVerification, 'verifications', row));
}

export function addVerification(db: Connection, row: VerificationRow): VerificationRow {
  needAttempt(db, row.attempt);
  db.run(
    `INSERT INTO verifications (attempt, kind, status, message, checks_json, flat, native, seconds,
       grader_json, findings_json, created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (attempt, kind) DO NOTHING`,
    row.attempt,
    row.kind,
    row.status,
    row.message,
    canonicalJson(row.checks),
    row.flat,
    row.native,
    row.seconds,
    canonicalJson(row.grader),
    canonicalJson(row.findings),
    row.createdAt,
  );
  const sql = 'SELECT * FROM verifications WHERE attempt = ? AND kind = ?';
  return parseRow(zVerification, 'verifications', db.get(sql, row.attempt, row.kind));
}

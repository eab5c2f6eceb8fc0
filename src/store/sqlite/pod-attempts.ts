import { z } from 'zod';
import type { AttemptId, BatchId } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import type { Outcome } from '../../rollouts/outcome.ts';
import type { AttemptCounts } from '../cluster-records.ts';
import type { AttemptRow, VerificationRow } from '../records.ts';
import { needAttempt, zAttempt } from './attempts.ts';
import { parseRow, zOutcome } from './columns.ts';
import type { Connection } from './connection.ts';
import { zVerification } from './verifications.ts';

export function attemptOfPod(db: Connection, podUid: string): AttemptRow | undefined {
  const sql = 'SELECT * FROM attempts WHERE engine = ? ORDER BY seq DESC LIMIT 1';
  const row = db.get(sql, `pod:${podUid}`);
  return row === undefined ? undefined : parseRow(zAttempt, 'attempts', row);
}

export function renewAttempt(db: Connection, id: AttemptId, nonce: string): AttemptRow {
  const { end, close } = needAttempt(db, id);
  if (end !== undefined || close !== undefined) {
    const how = close === undefined ? 'has ended' : `is closed as ${close.class}`;
    throw new ClawError('Fenced', `attempt ${id} ${how}; it is not claimed again`);
  }
  db.run('UPDATE attempts SET nonce = ? WHERE id = ?', nonce, id);
  return needAttempt(db, id);
}

const OF_BATCH = {
  all: 'WHERE rollouts.batch = ?',
  undecided: 'WHERE rollouts.batch = ? AND rollouts.outcome IS NULL',
};

export function attemptsOfBatch(
  db: Connection,
  batch: BatchId,
  undecided: boolean,
): readonly AttemptRow[] {
  const sql = `SELECT attempts.* FROM rollouts JOIN attempts ON attempts.rollout = rollouts.id
    ${OF_BATCH[undecided ? 'undecided' : 'all']} ORDER BY rollouts.position, attempts.number`;
  return db.all(sql, batch).map((row) => parseRow(zAttempt, 'attempts', row));
}

export function verificationsOfBatch(
  db: Connection,
  batch: BatchId,
  undecided: boolean,
): readonly VerificationRow[] {
  const sql = `SELECT verifications.* FROM rollouts
    JOIN attempts ON attempts.rollout = rollouts.id
    JOIN verifications ON verifications.attempt = attempts.id
    ${OF_BATCH[undecided ? 'undecided' : 'all']}
    ORDER BY rollouts.position, attempts.number, verifications.seq`;
  return db.all(sql, batch).map((row) => parseRow(zVerification, 'verifications', row));
}

const zTally = z.object({
  class: zOutcome.or(z.literal('disruption')).nullable(),
  running: z.int(),
  number: z.int(),
});

export function countAttempts(db: Connection, batch: BatchId): AttemptCounts {
  const classes: Partial<Record<Outcome | 'disruption', number>> = {};
  let attempts = 0;
  let running = 0;
  const sql = `SELECT class, count(*) AS number,
      sum(class IS NULL AND end_json IS NULL) AS running
    FROM rollouts JOIN attempts ON attempts.rollout = rollouts.id
    WHERE rollouts.batch = ? GROUP BY class`;
  for (const row of db.all(sql, batch)) {
    const tally = parseRow(zTally, 'attempts', row);
    attempts += tally.number;
    running += tally.running;
    if (tally.class !== null) classes[tally.class] = tally.number;
  }
  return { attempts, running, classes };
}

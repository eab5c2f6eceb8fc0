import { z } from 'zod';
import type { BatchId, RolloutId } from '../../base/brand.ts';
import { canonicalJson } from '../../base/canonical-json.ts';
import { ClawError } from '../../base/error.ts';
import { NO_SCORE, OUTCOMES, type Outcome } from '../../rollouts/outcome.ts';
import type {
  BatchRow,
  OutcomeCounts,
  PlannedRollout,
  RolloutDecision,
  RolloutRow,
} from '../records.ts';
import {
  absent,
  json,
  parseRow,
  zAttemptId,
  zBatchId,
  zChecks,
  zDigest,
  zFindings,
  zOutcome,
  zRolloutId,
  zScore,
} from './columns.ts';
import type { Connection } from './connection.ts';

const zPlanned = z.object({
  id: zRolloutId,
  batch: zBatchId,
  position: z.int(),
  task_id: z.string(),
  task_digest: zDigest,
  sample: z.int(),
  retries_from: z.int(),
});

const zDecision = z
  .object({
    outcome: zOutcome,
    reason: z.string(),
    attempt: absent(zAttemptId),
    score_json: json(zScore),
    as_left_json: absent(json(zScore)),
    checks_json: json(zChecks),
    findings_json: json(zFindings),
    decided_at: z.int(),
  })
  .transform(
    (row): RolloutDecision => ({
      outcome: row.outcome,
      reason: row.reason,
      attempt: row.attempt,
      score: row.score_json,
      asLeft: row.as_left_json,
      checks: row.checks_json,
      findings: row.findings_json,
      decidedAt: row.decided_at,
    }),
  );

const zUndecided = z.object({ outcome: z.null() });

function toRollout(row: unknown): RolloutRow {
  const planned = parseRow(zPlanned, 'rollouts', row);
  return {
    id: planned.id,
    batch: planned.batch,
    position: planned.position,
    taskId: planned.task_id,
    taskDigest: planned.task_digest,
    sample: planned.sample,
    retriesFrom: planned.retries_from,
    decision: zUndecided.safeParse(row).success ? undefined : parseRow(zDecision, 'rollouts', row),
  };
}

export function getRollout(db: Connection, id: RolloutId): RolloutRow | undefined {
  const row = db.get('SELECT * FROM rollouts WHERE id = ?', id);
  return row === undefined ? undefined : toRollout(row);
}

/** The rollout, or `NotFound`. */
export function needRollout(db: Connection, id: RolloutId): RolloutRow {
  const row = getRollout(db, id);
  if (row === undefined)
    throw new ClawError('NotFound', `no rollout ${id} is planned in this store`);
  return row;
}

export function listRollouts(
  db: Connection,
  batch: BatchId,
  undecidedOnly: boolean,
): readonly RolloutRow[] {
  const filter = undecidedOnly ? 'AND outcome IS NULL' : '';
  return db
    .all(`SELECT * FROM rollouts WHERE batch = ? ${filter} ORDER BY position`, batch)
    .map(toRollout);
}

const zTally = z.object({ outcome: zOutcome.nullable(), number: z.int() });

export function countOutcomes(db: Connection, batch: BatchId): OutcomeCounts {
  const counts: Partial<Record<Outcome, number>> = {};
  let planned = 0;
  let undecided = 0;
  const sql = 'SELECT outcome, count(*) AS number FROM rollouts WHERE batch = ? GROUP BY outcome';
  for (const row of db.all(sql, batch)) {
    const tally = parseRow(zTally, 'rollouts', row);
    planned += tally.number;
    if (tally.outcome === null) undecided = tally.number;
    else counts[tally.outcome] = tally.number;
  }
  return { ...counts, planned, undecided };
}

export function insertPlanned(
  db: Connection,
  batch: BatchRow,
  rollouts: readonly PlannedRollout[],
): void {
  const seen = new Set<string>();
  for (const [position, rollout] of rollouts.entries()) {
    if (seen.has(rollout.id)) {
      throw new ClawError(
        'InvalidInput',
        `the plan of batch ${batch.id} names ${rollout.id} twice`,
      );
    }
    seen.add(rollout.id);
    db.run(
      `INSERT INTO rollouts (id, batch, position, task_id, task_digest, sample) VALUES (?, ?, ?, ?, ?, ?)`,
      rollout.id,
      batch.id,
      position,
      rollout.taskId,
      rollout.taskDigest,
      rollout.sample,
    );
    if (rollout.decided === undefined) continue;
    writeDecision(db, rollout.id, {
      ...rollout.decided,
      attempt: undefined,
      score: NO_SCORE,
      asLeft: undefined,
      checks: [],
      findings: [],
      decidedAt: batch.createdAt,
    });
  }
}

const zKey = z.object({ id: z.string(), task_digest: z.string() });

/** Identity of each planned rollout in plan order, to compare a repeated plan with. */
export function plannedKeys(db: Connection, batch: BatchId): readonly string[] {
  return db
    .all('SELECT id, task_digest FROM rollouts WHERE batch = ? ORDER BY position', batch)
    .map((row) => parseRow(zKey, 'rollouts', row))
    .map((row) => `${row.id} (${row.task_digest})`);
}

export function decideRollout(
  db: Connection,
  id: RolloutId,
  decision: RolloutDecision,
): RolloutRow {
  const rollout = needRollout(db, id);
  if (rollout.decision !== undefined) return rollout;
  if (!OUTCOMES.includes(decision.outcome)) {
    throw new ClawError('InvalidInput', `rollout ${id}: ${decision.outcome} is not an outcome`);
  }
  if (decision.attempt !== undefined) refuseForeignAttempt(db, id, decision.attempt);
  writeDecision(db, id, decision);
  return needRollout(db, id);
}

export function reopenRollout(db: Connection, id: RolloutId): RolloutRow {
  const { decision } = needRollout(db, id);
  if (decision?.outcome !== 'infra_error') {
    throw new ClawError(
      'Conflict',
      `rollout ${id} is ${decision?.outcome ?? 'undecided'}; only an infra_error is opened again`,
    );
  }
  db.run(
    `UPDATE rollouts SET outcome = NULL, reason = NULL, attempt = NULL, score_json = NULL,
       as_left_json = NULL, checks_json = NULL, findings_json = NULL, decided_at = NULL,
       retries_from = (SELECT coalesce(max(number), 0) FROM attempts WHERE rollout = rollouts.id)
     WHERE id = ?`,
    id,
  );
  return needRollout(db, id);
}

function refuseForeignAttempt(db: Connection, id: RolloutId, attempt: string): void {
  const own = db.get('SELECT 1 FROM attempts WHERE id = ? AND rollout = ?', attempt, id);
  if (own !== undefined) return;
  throw new ClawError(
    'NotFound',
    `rollout ${id} cannot be decided by ${attempt}: no attempt of its own`,
  );
}

function writeDecision(db: Connection, id: RolloutId, decision: RolloutDecision): void {
  db.run(
    `UPDATE rollouts SET outcome = ?, reason = ?, attempt = ?, score_json = ?, as_left_json = ?,
       checks_json = ?, findings_json = ?, decided_at = ? WHERE id = ? AND outcome IS NULL`,
    decision.outcome,
    decision.reason,
    decision.attempt ?? null,
    canonicalJson(decision.score),
    decision.asLeft === undefined ? null : canonicalJson(decision.asLeft),
    canonicalJson(decision.checks),
    canonicalJson(decision.findings),
    decision.decidedAt,
    id,
  );
}

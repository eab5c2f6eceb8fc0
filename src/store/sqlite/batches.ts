import { z } from 'zod';
import type { BatchId } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import type { BatchRow, PlannedRollout } from '../records.ts';
import { parseRow, zBatchId, zDigest } from './columns.ts';
import type { Connection } from './connection.ts';
import { insertPlanned, plannedKeys } from './rollouts.ts';

const zBatch = z
  .object({
    id: zBatchId,
    owner_kind: z.string(),
    owner_name: z.string(),
    owner_arm: z.string(),
    task_set: zDigest,
    spec_digest: zDigest,
    spec: z.string(),
    created_at: z.int(),
  })
  .transform(
    (row): BatchRow => ({
      id: row.id,
      owner: { kind: row.owner_kind, name: row.owner_name, arm: row.owner_arm },
      taskSet: row.task_set,
      specDigest: row.spec_digest,
      spec: row.spec,
      createdAt: row.created_at,
    }),
  );

export function getBatch(db: Connection, id: BatchId): BatchRow | undefined {
  const row = db.get('SELECT * FROM batches WHERE id = ?', id);
  return row === undefined ? undefined : parseRow(zBatch, 'batches', row);
}

export function listBatches(db: Connection): readonly BatchRow[] {
  return db
    .all('SELECT * FROM batches ORDER BY seq')
    .map((row) => parseRow(zBatch, 'batches', row));
}

export function openBatches(db: Connection): readonly BatchRow[] {
  const sql = `SELECT * FROM batches
    WHERE EXISTS (SELECT 1 FROM rollouts WHERE batch = batches.id AND outcome IS NULL)
    ORDER BY seq`;
  return db.all(sql).map((row) => parseRow(zBatch, 'batches', row));
}

export function planBatch(
  db: Connection,
  batch: BatchRow,
  rollouts: readonly PlannedRollout[],
): void {
  const known = getBatch(db, batch.id);
  if (known !== undefined) {
    refuseOtherPlan(db, known, batch, rollouts);
    return;
  }
  db.run(
    `INSERT INTO batches (id, owner_kind, owner_name, owner_arm, task_set, spec_digest, spec, created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    batch.id,
    batch.owner.kind,
    batch.owner.name,
    batch.owner.arm,
    batch.taskSet,
    batch.specDigest,
    batch.spec,
    batch.createdAt,
  );
  insertPlanned(db, batch, rollouts);
}

function refuseOtherPlan(
  db: Connection,
  known: BatchRow,
  asked: BatchRow,
  rollouts: readonly PlannedRollout[],
): void {
  const differs = (what: string, stored: string, now: string): ClawError =>
    new ClawError(
      'Conflict',
      `batch ${known.id} was planned with ${what} ${stored}, now asked with ${now}; ` +
        'results of different specifications are never mixed: start a new output folder',
    );
  if (known.specDigest !== asked.specDigest) {
    throw differs('spec digest', known.specDigest, asked.specDigest);
  }
  if (known.taskSet !== asked.taskSet) throw differs('task set', known.taskSet, asked.taskSet);
  const stored = plannedKeys(db, known.id);
  if (stored.length !== rollouts.length) {
    throw differs('rollout count', String(stored.length), String(rollouts.length));
  }
  for (const [position, rollout] of rollouts.entries()) {
    const key = `${rollout.id} (${rollout.taskDigest})`;
    const before = stored[position];
    if (before !== key) throw differs(`rollout ${position}`, before ?? 'none', key);
  }
}

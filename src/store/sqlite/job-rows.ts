import { z } from 'zod';
import type { BatchId } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import type { NewJob, WorkItem, WorkRow } from '../cluster-records.ts';
import { parseRow } from './columns.ts';
import type { Connection } from './connection.ts';
import { itemColumn, zItemColumn } from './work-items.ts';

const zRow = z
  .object({
    job: z.string(),
    position: z.int(),
    item: zItemColumn,
    state: z.enum(['open', 'settled', 'left']),
  })
  .transform(
    (row): WorkRow => ({
      job: row.job,
      index: row.position,
      item: row.item,
      settled: row.state === 'settled',
    }),
  );

const zCarrier = z.object({ job: z.string() });
const zItem = z.object({ item: zItemColumn });

export function insertRows(db: Connection, job: NewJob, items: readonly WorkItem[]): void {
  for (const [index, item] of items.entries()) {
    const column = itemColumn(item);
    const carrier = db.get(
      "SELECT job FROM job_rows WHERE batch = ? AND item = ? AND state = 'open'",
      job.batch,
      column,
    );
    if (carrier !== undefined)
      refuseItem(job.name, column, parseRow(zCarrier, 'jobs', carrier).job);
    db.run(
      "INSERT INTO job_rows (job, position, batch, item, state) VALUES (?, ?, ?, ?, 'open')",
      job.name,
      index,
      job.batch,
      column,
    );
  }
}

function refuseItem(job: string, item: string, carrier: string): never {
  if (carrier === job) throw new ClawError('InvalidInput', `Job ${job} names ${item} twice`);
  throw new ClawError('Conflict', `Job ${carrier} carries ${item} already; Job ${job} may not`);
}

export function rowsOf(db: Connection, job: string): readonly WorkRow[] {
  return db
    .all('SELECT * FROM job_rows WHERE job = ? ORDER BY position', job)
    .map((row) => parseRow(zRow, 'job_rows', row));
}

export function rowOf(db: Connection, job: string, index: number): WorkRow | undefined {
  const row = db.get('SELECT * FROM job_rows WHERE job = ? AND position = ?', job, index);
  return row === undefined ? undefined : parseRow(zRow, 'job_rows', row);
}

export function carriedItems(db: Connection, batch: BatchId): readonly WorkItem[] {
  return db
    .all(
      `SELECT item FROM job_rows JOIN jobs ON jobs.name = job
       WHERE job_rows.batch = ? AND state = 'open' ORDER BY jobs.seq, position`,
      batch,
    )
    .map((row) => parseRow(zItem, 'job_rows', row).item);
}

export function settleRow(db: Connection, job: string, index: number): void {
  const sql = "UPDATE job_rows SET state = 'settled' WHERE job = ? AND position = ?";
  if (db.run(sql, job, index) > 0) return;
  throw new ClawError('NotFound', `Job ${job} has no row ${index}`);
}

export function settleItem(db: Connection, batch: BatchId, item: WorkItem): void {
  db.run(
    "UPDATE job_rows SET state = 'settled' WHERE batch = ? AND item = ? AND state = 'open'",
    batch,
    itemColumn(item),
  );
}

/** The Job is over: what it left unsettled may be carried by another. */
export function leaveRows(db: Connection, job: string): void {
  db.run("UPDATE job_rows SET state = 'left' WHERE job = ? AND state = 'open'", job);
}

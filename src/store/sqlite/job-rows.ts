import { z } from 'zod';
import type { BatchId } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import type { JobRef, NewJob, WorkItem, WorkRow } from '../cluster-records.ts';
import { parseRow } from './columns.ts';
import type { Connection } from './connection.ts';
import { jobKeys, jobNameOf } from './job-keys.ts';
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
      job: jobNameOf(row.job),
      index: row.position,
      item: row.item,
      settled: row.state === 'settled',
    }),
  );

const zCarrier = z.object({ job: z.string() });
const zItem = z.object({ item: zItemColumn });

/** @param key under which the Job is stored */
export function insertRows(
  db: Connection,
  job: NewJob,
  key: string,
  items: readonly WorkItem[],
): void {
  for (const [index, item] of items.entries()) {
    const column = itemColumn(item);
    const carrier = db.get(
      "SELECT job FROM job_rows WHERE batch = ? AND item = ? AND state = 'open'",
      job.batch,
      column,
    );
    if (carrier !== undefined)
      refuseItem(job.name, column, jobNameOf(parseRow(zCarrier, 'jobs', carrier).job));
    db.run(
      "INSERT INTO job_rows (job, position, batch, item, state) VALUES (?, ?, ?, ?, 'open')",
      key,
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

const OF_JOB = 'batch = ? AND job IN (?, ?)';
const ofJob = (ref: JobRef) => [ref.batch, ...jobKeys(ref)] as const;

export function rowsOf(db: Connection, job: JobRef): readonly WorkRow[] {
  return db
    .all(`SELECT * FROM job_rows WHERE ${OF_JOB} ORDER BY position`, ...ofJob(job))
    .map((row) => parseRow(zRow, 'job_rows', row));
}

export function rowOf(db: Connection, job: JobRef, index: number): WorkRow | undefined {
  const sql = `SELECT * FROM job_rows WHERE ${OF_JOB} AND position = ?`;
  const row = db.get(sql, ...ofJob(job), index);
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

export function settleRow(db: Connection, job: JobRef, index: number): void {
  const sql = `UPDATE job_rows SET state = 'settled' WHERE ${OF_JOB} AND position = ?`;
  if (db.run(sql, ...ofJob(job), index) > 0) return;
  throw new ClawError('NotFound', `Job ${job.name} has no row ${index}`);
}

export function settleItem(db: Connection, batch: BatchId, item: WorkItem): void {
  db.run(
    "UPDATE job_rows SET state = 'settled' WHERE batch = ? AND item = ? AND state = 'open'",
    batch,
    itemColumn(item),
  );
}

/** The Job is over: what it left unsettled may be carried by another. */
export function leaveRows(db: Connection, job: JobRef): void {
  const sql = `UPDATE job_rows SET state = 'left' WHERE ${OF_JOB} AND state = 'open'`;
  db.run(sql, ...ofJob(job));
}

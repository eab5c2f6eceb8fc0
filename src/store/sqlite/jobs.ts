import { z } from 'zod';
import type { BatchId } from '../../base/brand.ts';
import { canonicalJson } from '../../base/canonical-json.ts';
import { ClawError } from '../../base/error.ts';
import { zShape } from '../../protocol/operator-api.ts';
import {
  type CountedJobRow,
  JOB_OVER_CAUSES,
  type JobOverCause,
  type JobRef,
  type JobRow,
  type NewJob,
  type WorkItem,
} from '../cluster-records.ts';
import { absent, json, parseRow, zBatchId } from './columns.ts';
import type { Connection } from './connection.ts';
import { jobKey, jobKeys, jobNameOf } from './job-keys.ts';
import { insertRows, leaveRows } from './job-rows.ts';

const zColumns = z.object({
  name: z.string(),
  batch: zBatchId,
  namespace: z.string(),
  shape_json: json(zShape),
  generation: z.int(),
  uid: absent(z.string()),
  over_cause: absent(z.enum(JOB_OVER_CAUSES)),
  created_at: z.int(),
});
const zJob = zColumns.transform(toJob);
const zCountedJob = zColumns
  .extend({ length: z.int(), settled: z.int() })
  .transform(({ length, settled, ...row }): CountedJobRow => ({ ...toJob(row), length, settled }));

function toJob(row: z.infer<typeof zColumns>): JobRow {
  return {
    name: jobNameOf(row.name),
    batch: row.batch,
    namespace: row.namespace,
    shape: row.shape_json,
    generation: row.generation,
    uid: row.uid,
    live: row.over_cause === undefined,
    cause: row.over_cause,
    createdAt: row.created_at,
  };
}

const COUNTED = `SELECT jobs.*,
  (SELECT count(*) FROM job_rows WHERE job = jobs.name) AS length,
  (SELECT count(*) FROM job_rows WHERE job = jobs.name AND state = 'settled') AS settled
  FROM jobs`;
const OF_REF = 'batch = ? AND name IN (?, ?)';

function one(db: Connection, where: string, ...values: string[]): JobRow | undefined {
  const row = db.get(`SELECT * FROM jobs WHERE ${where}`, ...values);
  return row === undefined ? undefined : parseRow(zJob, 'jobs', row);
}

function counted(db: Connection, ref: JobRef): CountedJobRow | undefined {
  const row = db.get(`${COUNTED} WHERE ${OF_REF}`, ref.batch, ...jobKeys(ref));
  return row === undefined ? undefined : parseRow(zCountedJob, 'jobs', row);
}

export const jobByName = (db: Connection, ref: JobRef): JobRow | undefined =>
  one(db, OF_REF, ref.batch, ...jobKeys(ref));

export const jobByUid = (db: Connection, uid: string): JobRow | undefined =>
  one(db, 'uid = ?', uid);

function needJob(db: Connection, ref: JobRef): JobRow {
  const job = jobByName(db, ref);
  if (job === undefined) throw new ClawError('NotFound', `no Job ${ref.name} is stored`);
  return job;
}

export function listJobs(db: Connection, batch: BatchId, live?: boolean): readonly CountedJobRow[] {
  const wanted = live === undefined ? '' : `AND over_cause IS ${live ? '' : 'NOT'} NULL`;
  const sql = `${COUNTED} WHERE batch = ? ${wanted} ORDER BY seq`;
  return db.all(sql, batch).map((row) => parseRow(zCountedJob, 'jobs', row));
}

export function newJob(db: Connection, job: NewJob, items: readonly WorkItem[]): CountedJobRow {
  const known = counted(db, job);
  if (known !== undefined) return known;
  if (items.length === 0) throw new ClawError('InvalidInput', `Job ${job.name} has no items`);
  const key = jobKey(db, job);
  db.run(
    `INSERT INTO jobs (name, batch, namespace, shape_json, generation, created_at)
     VALUES (?, ?, ?, ?, ?, ?)`,
    key,
    job.batch,
    job.namespace,
    canonicalJson(job.shape),
    job.generation,
    job.createdAt,
  );
  insertRows(db, job, key, items);
  return { ...needJob(db, job), length: items.length, settled: 0 };
}

export function setJobUid(db: Connection, ref: JobRef, uid: string): void {
  const job = needJob(db, ref);
  if (job.uid === uid) return;
  if (job.uid !== undefined) {
    throw new ClawError('Conflict', `Job ${job.name} has uid ${job.uid}, now asked to have ${uid}`);
  }
  const other = jobByUid(db, uid);
  if (other !== undefined) throw new ClawError('Conflict', `uid ${uid} is that of ${other.name}`);
  db.run('UPDATE jobs SET uid = ? WHERE name = ?', uid, jobKey(db, ref));
}

export function jobOver(db: Connection, ref: JobRef, cause: JobOverCause): void {
  if (!needJob(db, ref).live) return;
  db.run('UPDATE jobs SET over_cause = ? WHERE name = ?', cause, jobKey(db, ref));
  leaveRows(db, ref);
}

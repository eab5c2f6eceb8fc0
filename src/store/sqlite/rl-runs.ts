import { z } from 'zod';
import type { BatchId } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import type { RlPolicyRow, RlRunRow, RlStepRow } from '../rl-records.ts';
import { absent, json, parseRow, zBatchId, zDigest } from './columns.ts';
import type { Connection } from './connection.ts';

const zRun = z.object({ run: z.string(), plan_json: z.string(), created_at: z.int() }).transform(
  ({ run, plan_json: plan, created_at: createdAt }): RlRunRow => ({
    ...{ run, plan, createdAt },
  }),
);
const zBatch = z.object({ batch: zBatchId });
const zStep = z
  .object({ step: z.int(), frozen_json: z.string(), trained_json: absent(z.string()) })
  .transform(
    ({ step, frozen_json: frozen, trained_json: trained }): RlStepRow => ({
      ...{ step, frozen, trained },
    }),
  );
const zPolicy = z
  .object({ version: z.int(), model: zDigest, files_json: json(z.array(zDigest)) })
  .transform(({ version, model, files_json: files }): RlPolicyRow => ({ version, model, files }));

export function getRl(db: Connection, run: string): RlRunRow | undefined {
  const row = db.get('SELECT run, plan_json, created_at FROM rl_runs WHERE run = ?', run);
  return row === undefined ? undefined : parseRow(zRun, 'rl_runs', row);
}

export function planRl(db: Connection, { run, plan, createdAt }: RlRunRow): void {
  const known = getRl(db, run);
  if (known === undefined) {
    db.run(
      'INSERT INTO rl_runs (run, plan_json, created_at) VALUES (?, ?, ?)',
      ...[run, plan, createdAt],
    );
    return;
  }
  if (known.plan === plan) return;
  throw new ClawError(
    'Conflict',
    `run ${run} is stored with another plan: a run keeps what it was frozen to; make a new TrainingRun`,
  );
}

export function setRlBatch(db: Connection, run: string, name: string, batch: BatchId): void {
  db.run(
    `INSERT INTO rl_batches (run, name, batch) VALUES (?, ?, ?)
     ON CONFLICT (run, name) DO UPDATE SET batch = excluded.batch`,
    ...[run, name, batch],
  );
}

export function getRlBatch(db: Connection, run: string, name: string): BatchId | undefined {
  const row = db.get('SELECT batch FROM rl_batches WHERE run = ? AND name = ?', run, name);
  return row === undefined ? undefined : parseRow(zBatch, 'rl_batches', row).batch;
}

export function listRlSteps(db: Connection, run: string): readonly RlStepRow[] {
  return db
    .all('SELECT step, frozen_json, trained_json FROM rl_steps WHERE run = ? ORDER BY step', run)
    .map((row) => parseRow(zStep, 'rl_steps', row));
}

export function freezeRlStep(db: Connection, run: string, step: number, frozen: string): void {
  db.run(
    'INSERT INTO rl_steps (run, step, frozen_json) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
    ...[run, step, frozen],
  );
  const kept = listRlSteps(db, run).find((row) => row.step === step);
  if (kept?.frozen === frozen) return;
  throw new ClawError('Conflict', `step ${step} of run ${run} is frozen with other facts already`);
}

export function trainRlStep(db: Connection, run: string, step: number, trained: string): void {
  const changed = db.run(
    'UPDATE rl_steps SET trained_json = ? WHERE run = ? AND step = ?',
    ...[trained, run, step],
  );
  if (changed === 1) return;
  throw new ClawError('NotFound', `step ${step} of run ${run} is not frozen`);
}

export function putRlPolicy(
  db: Connection,
  run: string,
  { version, model, files }: RlPolicyRow,
): void {
  db.run(
    `INSERT INTO rl_policies (run, version, model, files_json) VALUES (?, ?, ?, ?)
     ON CONFLICT (run, version) DO UPDATE SET
       model = excluded.model, files_json = excluded.files_json`,
    ...[run, version, model, JSON.stringify(files)],
  );
  // The one before may still be answering.
  db.run('DELETE FROM rl_policies WHERE run = ? AND version < ?', run, version - 1);
}

export function getRlPolicy(db: Connection, run: string, version: number): RlPolicyRow | undefined {
  const row = db.get(
    'SELECT version, model, files_json FROM rl_policies WHERE run = ? AND version = ?',
    ...[run, version],
  );
  return row === undefined ? undefined : parseRow(zPolicy, 'rl_policies', row);
}

import { z } from 'zod';
import { ClawError } from '../../base/error.ts';
import type {
  GateEnd,
  GateFilter,
  GateKey,
  GateRoundRow,
  GateRow,
  NewGateRound,
} from '../synthesis-runs.ts';
import { absent, parseRow, zDigest } from './columns.ts';
import type { Connection } from './connection.ts';

const GATES = 'synthesis_gates';
const ROUNDS = 'synthesis_rounds';

const zGate = z.object({
  job: z.string(),
  number: z.int(),
  task: zDigest,
  label: z.string(),
  run: z.string(),
  round: absent(z.int()),
  report: absent(z.string()),
});
const gateOf = (row: unknown): GateRow => parseRow(zGate, GATES, row);

const zRound = z
  .object({
    id: z.int(),
    run: z.string(),
    label: z.string(),
    task_set: zDigest,
    agent: z.string(),
    samples: z.int(),
    batch: absent(z.string()),
  })
  .transform(({ task_set: taskSet, ...row }): GateRoundRow => ({ ...row, taskSet }));
const roundOf = (row: unknown): GateRoundRow => parseRow(zRound, ROUNDS, row);

const KEY = 'job = ? AND number = ? AND task = ? AND label = ? AND run = ?';
const valuesOf = ({ job, number, task, label, run }: GateKey) =>
  [job, number, task, label, run] as const;

export function wantGate(db: Connection, gate: GateKey, again: boolean): void {
  db.run(
    `INSERT INTO synthesis_gates (job, number, task, label, run) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT DO NOTHING`,
    ...valuesOf(gate),
  );
  if (!again) return;
  db.run(
    `UPDATE synthesis_gates SET round = NULL, report = NULL, is_failed = 0
     WHERE ${KEY} AND is_failed = 1`,
    ...valuesOf(gate),
  );
}

export function listGates(db: Connection, job: string, of: GateFilter): readonly GateRow[] {
  const select = 'SELECT * FROM synthesis_gates WHERE job = ?';
  const order = 'ORDER BY number, task, label, run';
  if (of === 'waiting') {
    return db.all(`${select} AND round IS NULL AND report IS NULL ${order}`, job).map(gateOf);
  }
  if ('round' in of) return db.all(`${select} AND round = ? ${order}`, job, of.round).map(gateOf);
  const { number, task, label } = of;
  return db
    .all(`${select} AND number = ? AND task = ? AND label = ? ${order}`, job, number, task, label)
    .map(gateOf);
}

const zNext = z.object({ next: z.int() });

export function addGateRound(
  db: Connection,
  job: string,
  { run, label, taskSet, agent, samples }: NewGateRound,
  gates: readonly GateKey[],
): number {
  const max = db.get(
    'SELECT coalesce(max(id), 0) + 1 AS next FROM synthesis_rounds WHERE job = ?',
    job,
  );
  const { next } = parseRow(zNext, ROUNDS, max);
  db.run(
    `INSERT INTO synthesis_rounds (job, id, run, label, task_set, agent, samples)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ...[job, next, run, label, taskSet, agent, samples],
  );
  for (const gate of gates) {
    const changed = db.run(
      `UPDATE synthesis_gates SET round = ? WHERE ${KEY} AND round IS NULL`,
      next,
      ...valuesOf(gate),
    );
    if (changed !== 1)
      throw new ClawError('Conflict', `gate ${gate.run} of record ${gate.number} waits no more`);
  }
  return next;
}

export function openGateRounds(db: Connection, job: string): readonly GateRoundRow[] {
  return db
    .all('SELECT * FROM synthesis_rounds WHERE job = ? AND is_over = 0 ORDER BY id', job)
    .map(roundOf);
}

export function getGateRound(db: Connection, job: string, id: number): GateRoundRow | undefined {
  const row = db.get('SELECT * FROM synthesis_rounds WHERE job = ? AND id = ?', job, id);
  return row === undefined ? undefined : roundOf(row);
}

export function setGateBatch(db: Connection, job: string, id: number, batch: string): void {
  const sql = 'UPDATE synthesis_rounds SET batch = ? WHERE job = ? AND id = ? AND is_over = 0';
  db.run(sql, batch, job, id);
}

export function endGateRound(
  db: Connection,
  job: string,
  id: number,
  reports: readonly GateEnd[],
): void {
  for (const report of reports) endGate(db, report);
  db.run('UPDATE synthesis_rounds SET is_over = 1 WHERE job = ? AND id = ?', job, id);
}

export function endGate(db: Connection, end: GateEnd): void {
  db.run(
    `UPDATE synthesis_gates SET report = ?, is_failed = ? WHERE ${KEY}`,
    ...[end.report, end.failed ? 1 : 0],
    ...valuesOf(end),
  );
}

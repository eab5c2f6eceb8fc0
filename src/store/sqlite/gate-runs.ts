import { z } from 'zod';
import type { Sha256 } from '../../base/brand.ts';
import { canonicalJson } from '../../base/canonical-json.ts';
import { GATES, type GateRunRow } from '../cluster-records.ts';
import { json, parseRow, zDigest } from './columns.ts';
import type { Connection } from './connection.ts';

const zGateRun = z
  .object({
    task_digest: zDigest,
    gate: z.enum(GATES),
    status: z.enum(['ok', 'crash', 'timeout', 'invalid']),
    names_json: json(z.array(z.string()).nullable()),
  })
  .transform(
    (row): GateRunRow => ({
      taskDigest: row.task_digest,
      gate: row.gate,
      status: row.status,
      names: row.names_json,
    }),
  );

export function listGateRuns(db: Connection, taskDigest: Sha256): readonly GateRunRow[] {
  return db
    .all('SELECT * FROM gate_runs WHERE task_digest = ? ORDER BY gate', taskDigest)
    .map((row) => parseRow(zGateRun, 'gate_runs', row));
}

export function addGateRun(db: Connection, row: GateRunRow): GateRunRow {
  db.run(
    `INSERT INTO gate_runs (task_digest, gate, status, names_json) VALUES (?, ?, ?, ?)
     ON CONFLICT DO NOTHING`,
    row.taskDigest,
    row.gate,
    row.status,
    canonicalJson(row.names),
  );
  return listGateRuns(db, row.taskDigest).find(({ gate }) => gate === row.gate) ?? row;
}

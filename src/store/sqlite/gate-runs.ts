import { z } from 'zod';
import type { Sha256 } from '../../base/brand.ts';
import { canonicalJson } from '../../base/canonical-json.ts';
import { GATES, type GateRunRow } from '../cluster-records.ts';
import { json, parseRow, zDigest } from './columns.ts';
import type { Connection } from './connection.ts';

const zGateRun = z
  .object({
    namespace: z.string(),
    task_digest: zDigest,
    gate: z.enum(GATES),
    status: z.enum(['ok', 'crash', 'timeout', 'invalid']),
    names_json: json(z.array(z.string()).nullable()),
  })
  .transform(
    (row): GateRunRow => ({
      namespace: row.namespace,
      taskDigest: row.task_digest,
      gate: row.gate,
      status: row.status,
      names: row.names_json,
    }),
  );

export function listGateRuns(
  db: Connection,
  namespace: string,
  taskDigest: Sha256,
): readonly GateRunRow[] {
  const sql =
    'SELECT * FROM namespace_gate_runs WHERE namespace = ? AND task_digest = ? ORDER BY gate';
  return db
    .all(sql, namespace, taskDigest)
    .map((row) => parseRow(zGateRun, 'namespace_gate_runs', row));
}

export function addGateRun(db: Connection, row: GateRunRow): GateRunRow {
  db.run(
    `INSERT INTO namespace_gate_runs (namespace, task_digest, gate, status, names_json)
     VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    row.namespace,
    row.taskDigest,
    row.gate,
    row.status,
    canonicalJson(row.names),
  );
  const stored = listGateRuns(db, row.namespace, row.taskDigest);
  return stored.find(({ gate }) => gate === row.gate) ?? row;
}

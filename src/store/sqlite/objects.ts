import { z } from 'zod';
import { ClawError } from '../../base/error.ts';
import type { NewObject, ObjectEnd, ObjectRow } from '../object-records.ts';
import { parseRow, zDigest } from './columns.ts';
import type { Connection } from './connection.ts';

const TABLE = 'objects';

const zObject = z
  .object({
    kind: z.string(),
    name: z.string(),
    spec_digest: zDigest,
    spec: z.string(),
    created_at: z.number(),
    state: z.enum(['complete', 'failed']).nullable(),
    result: z.string().nullable(),
    ended_at: z.number().nullable(),
  })
  .transform(
    ({ kind, name, spec_digest, spec, created_at, state, result, ended_at }): ObjectRow => ({
      ...{ kind, name, specDigest: spec_digest, spec, createdAt: created_at },
      end: state === null ? undefined : { state, result: result ?? '', endedAt: ended_at ?? 0 },
    }),
  );

export function getObject(db: Connection, kind: string, name: string): ObjectRow | undefined {
  const row = db.get('SELECT * FROM objects WHERE kind = ? AND name = ?', kind, name);
  return row === undefined ? undefined : parseRow(zObject, TABLE, row);
}

export function listObjects(db: Connection, kind: string): readonly ObjectRow[] {
  return db
    .all('SELECT * FROM objects WHERE kind = ? ORDER BY created_at, name', kind)
    .map((row) => parseRow(zObject, TABLE, row));
}

export function beginObject(db: Connection, row: NewObject): ObjectRow {
  db.run(
    `INSERT INTO objects (kind, name, spec_digest, spec, created_at) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (kind, name) DO UPDATE SET
       spec_digest = excluded.spec_digest, spec = excluded.spec, created_at = excluded.created_at,
       state = NULL, result = NULL, ended_at = NULL
     WHERE state = 'failed' AND spec_digest <> excluded.spec_digest`,
    ...[row.kind, row.name, row.specDigest, row.spec, row.createdAt],
  );
  const stored = required(db, row.kind, row.name);
  if (stored.specDigest === row.specDigest) return stored;
  throw new ClawError(
    'Conflict',
    `${row.kind} ${row.name} is in this store with another specification (digest ${stored.specDigest.slice(0, 12)}, now ${row.specDigest.slice(0, 12)}). What it made is never mixed: give the object another name or the run another folder, or restore the specification to continue it`,
  );
}

export function endObject(db: Connection, kind: string, name: string, end: ObjectEnd): ObjectRow {
  db.run(
    'UPDATE objects SET state = ?, result = ?, ended_at = ? WHERE kind = ? AND name = ?',
    ...[end.state, end.result, end.endedAt, kind, name],
  );
  return required(db, kind, name);
}

function required(db: Connection, kind: string, name: string): ObjectRow {
  const row = getObject(db, kind, name);
  if (row !== undefined) return row;
  throw new ClawError('NotFound', `${kind} ${name} is not in this store`);
}

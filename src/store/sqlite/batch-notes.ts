import { z } from 'zod';
import type { BatchId } from '../../base/brand.ts';
import { BATCH_NOTES, type BatchNote } from '../cluster-records.ts';
import { parseRow } from './columns.ts';
import type { Connection } from './connection.ts';

const zNote = z.object({ key: z.enum(BATCH_NOTES), value: z.string() });

export function batchNotes(
  db: Connection,
  batch: BatchId,
): Readonly<Partial<Record<BatchNote, string>>> {
  const rows = db
    .all('SELECT key, value FROM batch_notes WHERE batch = ?', batch)
    .map((row) => parseRow(zNote, 'batch_notes', row));
  return Object.fromEntries(rows.map(({ key, value }) => [key, value]));
}

export function setBatchNote(db: Connection, batch: BatchId, key: BatchNote, value: string): void {
  db.run(
    `INSERT INTO batch_notes (batch, key, value) VALUES (?, ?, ?)
     ON CONFLICT (batch, key) DO UPDATE SET value = excluded.value`,
    batch,
    key,
    value,
  );
}

import { z } from 'zod';
import type { Sha256 } from '../../base/brand.ts';
import { absent, parseRow, zDigest } from './columns.ts';
import type { Connection } from './connection.ts';

const zName = z.object({ digest: zDigest, since: absent(z.int()) });

export function objectNames(db: Connection): ReadonlyMap<Sha256, number | undefined> {
  const rows = db.all('SELECT digest, since FROM object_names');
  return new Map(
    rows.map((row) => {
      const { digest, since } = parseRow(zName, 'object_names', row);
      return [digest, since];
    }),
  );
}

export function setObjectNames(
  db: Connection,
  changes: ReadonlyMap<Sha256, number | undefined | 'forgotten'>,
): void {
  for (const [digest, since] of changes) {
    if (since === 'forgotten') {
      db.run('DELETE FROM object_names WHERE digest = ?', digest);
      continue;
    }
    db.run(
      `INSERT INTO object_names (digest, since) VALUES (?, ?)
       ON CONFLICT (digest) DO UPDATE SET since = excluded.since`,
      digest,
      since ?? null,
    );
  }
}

import { z } from 'zod';
import type { Sha256 } from '../../base/brand.ts';
import { type ClaimRow, POD_UPLOADS } from '../cluster-records.ts';
import { parseRow, zDigest } from './columns.ts';
import type { Connection } from './connection.ts';

const zUpload = z.object({ digest: zDigest });

export function addUpload(
  db: Connection,
  { batch, podUid }: Pick<ClaimRow, 'batch' | 'podUid'>,
  digest: Sha256,
): void {
  // A repeat is the newest again.
  db.run(
    'INSERT OR REPLACE INTO pod_uploads (batch, pod_uid, digest) VALUES (?, ?, ?)',
    batch,
    podUid,
    digest,
  );
  db.run(
    `DELETE FROM pod_uploads WHERE seq IN (SELECT seq FROM pod_uploads WHERE pod_uid = ?
       ORDER BY seq DESC LIMIT -1 OFFSET ${POD_UPLOADS})`,
    podUid,
  );
}

export function uploadsOf(db: Connection, podUid: string): ReadonlySet<Sha256> {
  const rows = db.all('SELECT digest FROM pod_uploads WHERE pod_uid = ?', podUid);
  return new Set(rows.map((row) => parseRow(zUpload, 'pod_uploads', row).digest));
}

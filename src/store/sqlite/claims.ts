import { z } from 'zod';
import type { AttemptId, Sha256 } from '../../base/brand.ts';
import { canonicalJson } from '../../base/canonical-json.ts';
import { ROLES, type Role } from '../../protocol/pod-contract.ts';
import type { ClaimRow } from '../cluster-records.ts';
import { absent, json, parseRow, zAttemptId, zBatchId, zDigest } from './columns.ts';
import type { Connection } from './connection.ts';
import { jobKey, jobNameOf } from './job-keys.ts';
import { itemColumn, zItemColumn } from './work-items.ts';

const zClaim = z
  .object({
    pod_uid: z.string(),
    role: z.enum(ROLES),
    batch: zBatchId,
    job: z.string(),
    position: z.int(),
    item: zItemColumn,
    attempt: absent(zAttemptId),
    credential_hash: zDigest,
    link_hash: absent(zDigest),
    nonce: z.string(),
    reads_json: json(z.array(zDigest)),
    created_at: z.int(),
  })
  .transform(
    (row): ClaimRow => ({
      podUid: row.pod_uid,
      role: row.role,
      batch: row.batch,
      job: jobNameOf(row.job),
      index: row.position,
      item: row.item,
      attempt: row.attempt,
      credentialHash: row.credential_hash,
      linkBearerHash: row.link_hash,
      nonce: row.nonce,
      reads: row.reads_json,
      createdAt: row.created_at,
    }),
  );

function toClaim(row: unknown): ClaimRow | undefined {
  return row === undefined ? undefined : parseRow(zClaim, 'claims', row);
}

export const claimOf = (db: Connection, podUid: string, role: Role): ClaimRow | undefined =>
  toClaim(db.get('SELECT * FROM claims WHERE pod_uid = ? AND role = ?', podUid, role));

export const claimByCredential = (db: Connection, hash: Sha256): ClaimRow | undefined =>
  toClaim(db.get('SELECT * FROM claims WHERE credential_hash = ?', hash));

export const claimByLink = (db: Connection, hash: Sha256): ClaimRow | undefined =>
  toClaim(db.get('SELECT * FROM claims WHERE link_hash = ?', hash));

export function putClaim(db: Connection, claim: ClaimRow): ClaimRow {
  db.run(
    `INSERT INTO claims (pod_uid, role, batch, job, position, item, attempt, credential_hash,
       link_hash, nonce, reads_json, created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (pod_uid, role) DO UPDATE SET batch = excluded.batch, job = excluded.job,
       position = excluded.position, item = excluded.item, attempt = excluded.attempt,
       credential_hash = excluded.credential_hash, link_hash = excluded.link_hash,
       nonce = excluded.nonce, reads_json = excluded.reads_json`,
    claim.podUid,
    claim.role,
    claim.batch,
    jobKey(db, { batch: claim.batch, name: claim.job }),
    claim.index,
    itemColumn(claim.item),
    claim.attempt ?? null,
    claim.credentialHash,
    claim.linkBearerHash ?? null,
    claim.nonce,
    canonicalJson(claim.reads),
    claim.createdAt,
  );
  return claimOf(db, claim.podUid, claim.role) ?? claim;
}

export function revokeLinks(db: Connection, attempt: AttemptId): void {
  db.run('UPDATE claims SET link_hash = NULL WHERE attempt = ? AND link_hash IS NOT NULL', attempt);
}

const zLoss = z.object({ reason: z.string() });

export function getModelLoss(db: Connection, attempt: AttemptId): string | undefined {
  const row = db.get('SELECT reason FROM model_losses WHERE attempt = ?', attempt);
  return row === undefined ? undefined : parseRow(zLoss, 'model_losses', row).reason;
}

export function putModelLoss(db: Connection, attempt: AttemptId, reason: string): void {
  const sql = 'INSERT INTO model_losses (attempt, reason) VALUES (?, ?) ON CONFLICT DO NOTHING';
  db.run(sql, attempt, reason);
}

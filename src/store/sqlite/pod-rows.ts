import { z } from 'zod';
import type { BatchId } from '../../base/brand.ts';
import { canonicalJson } from '../../base/canonical-json.ts';
import { type PodEvidence, zPodEvidence } from '../../protocol/pod-evidence.ts';
import type { Fetched, GradingEvidence } from '../cluster-records.ts';
import { json, parseRow, zDigest, zFindings } from './columns.ts';
import type { Connection } from './connection.ts';
import { attemptOfPod } from './pod-attempts.ts';
import { zItemColumn } from './work-items.ts';

const zEvidenceRow = z.object({ evidence_json: json(zPodEvidence) });
const zGradingRow = zEvidenceRow.extend({ item: zItemColumn, report: z.string().nullable() });
const zReportRow = z.object({ report: z.string() });
const zFetchedRow = z.object({ findings_json: json(zFindings), grader_root: zDigest.nullable() });

export function getEvidence(db: Connection, podUid: string): PodEvidence | undefined {
  const row = db.get('SELECT evidence_json FROM pod_evidence WHERE pod_uid = ?', podUid);
  return row === undefined ? undefined : parseRow(zEvidenceRow, 'pod_evidence', row).evidence_json;
}

export function putEvidence(db: Connection, batch: BatchId, evidence: PodEvidence): PodEvidence {
  const known = getEvidence(db, evidence.podUid);
  if (known?.gone === true) {
    const more = isBare(known) && !isBare(evidence);
    if (!more || attemptOfPod(db, evidence.podUid)?.close !== undefined) return known;
  }
  db.run(
    `INSERT INTO pod_evidence (pod_uid, batch, evidence_json) VALUES (?, ?, ?)
     ON CONFLICT (pod_uid) DO UPDATE SET evidence_json = excluded.evidence_json`,
    evidence.podUid,
    batch,
    canonicalJson({ ...evidence, gone: evidence.gone || known?.gone === true }),
  );
  return getEvidence(db, evidence.podUid) ?? evidence;
}

export function gradingEvidence(db: Connection, batch: BatchId): readonly GradingEvidence[] {
  // As the coordinator does it: evidence of a Job of the same name that is not ours says nothing.
  const sql = `SELECT item, evidence_json, report FROM pod_evidence
    JOIN jobs ON jobs.batch = pod_evidence.batch AND jobs.name IN
      (evidence_json ->> 'jobName', pod_evidence.batch || '/' || (evidence_json ->> 'jobName'))
      AND (jobs.uid IS NULL OR jobs.uid = evidence_json ->> 'jobUid')
    JOIN job_rows ON job = jobs.name AND position = evidence_json ->> 'index'
    LEFT JOIN pod_reports ON pod_reports.pod_uid = pod_evidence.pod_uid
    WHERE pod_evidence.batch = ? AND item ->> 'kind' <> 'rollout'`;
  return db.all(sql, batch).flatMap((row) => {
    const { item, evidence_json, report } = parseRow(zGradingRow, 'pod_evidence', row);
    if (item.kind === 'rollout') return [];
    return [{ item, evidence: evidence_json, report: report ?? undefined }];
  });
}

/** Says neither how a container ended nor who deleted the pod: that it is gone is all it shows. */
function isBare({ containers, deletedByUs }: PodEvidence): boolean {
  return deletedByUs === undefined && containers.every(({ state }) => state !== 'terminated');
}

export function getFetched(db: Connection, podUid: string): Fetched | undefined {
  const sql = 'SELECT findings_json, grader_root FROM fetch_findings WHERE pod_uid = ?';
  const row = db.get(sql, podUid);
  if (row === undefined) return undefined;
  const { findings_json, grader_root } = parseRow(zFetchedRow, 'fetch_findings', row);
  return { findings: findings_json, graderRoot: grader_root ?? undefined };
}

export function putFetched(db: Connection, podUid: string, fetched: Fetched): void {
  db.run(
    `INSERT INTO fetch_findings (pod_uid, findings_json, grader_root) VALUES (?, ?, ?)
     ON CONFLICT DO NOTHING`,
    podUid,
    canonicalJson(fetched.findings),
    fetched.graderRoot ?? null,
  );
}

export function getPodReport(db: Connection, podUid: string): string | undefined {
  const row = db.get('SELECT report FROM pod_reports WHERE pod_uid = ?', podUid);
  return row === undefined ? undefined : parseRow(zReportRow, 'pod_reports', row).report;
}

export function putPodReport(db: Connection, podUid: string, text: string): void {
  const sql = 'INSERT INTO pod_reports (pod_uid, report) VALUES (?, ?) ON CONFLICT DO NOTHING';
  db.run(sql, podUid, text);
}

import { z } from 'zod';
import type { AttemptId } from '../../base/brand.ts';
import { zPodEvidence } from '../../protocol/pod-evidence.ts';
import type { AttemptPod, VerificationKind } from '../records.ts';
import { json, parseRow } from './columns.ts';
import type { Connection } from './connection.ts';
import { itemColumn, zItemColumn } from './work-items.ts';

/** Retries have limits, pauses have none. */
const MAX_GRADING = 100;
const KINDS: readonly VerificationKind[] = ['main', 'asLeft', 'doubled', 'pristine'];
const zEvidence = z.object({ evidence_json: json(zPodEvidence) });
const zGrading = zEvidence.extend({ item: zItemColumn });

export function listPods(db: Connection, attempt: AttemptId): readonly AttemptPod[] {
  return [...ownPod(db, attempt), ...gradingPods(db, attempt)];
}

function ownPod(db: Connection, attempt: AttemptId): readonly AttemptPod[] {
  const sql = `SELECT evidence_json FROM attempts
    JOIN rollouts ON rollouts.id = attempts.rollout
    JOIN pod_evidence ON pod_uid = substr(engine, 5) AND pod_evidence.batch = rollouts.batch
    WHERE attempts.id = ? AND engine GLOB 'pod:*'`;
  return db.all(sql, attempt).map((row) => ({
    work: 'rollout',
    evidence: parseRow(zEvidence, 'pod_evidence', row).evidence_json,
  }));
}

/**
 * By the rows of their Jobs and not by claims, for a pod that never claimed has most to tell. Evidence
 * of a Job of the same name that is not ours says nothing, as in `gradingEvidence`. The order of the
 * join is given: the few rows of the attempt are found once, then the batch's evidence is read once.
 */
function gradingPods(db: Connection, attempt: AttemptId): readonly AttemptPod[] {
  const sql = `WITH place AS (SELECT batch FROM attempts
      JOIN rollouts ON rollouts.id = attempts.rollout WHERE attempts.id = ?1),
    work AS MATERIALIZED (SELECT item, position, jobs.name, jobs.uid
      FROM place JOIN jobs ON jobs.batch = place.batch JOIN job_rows ON job = jobs.name
      WHERE item IN (?2, ?3, ?4, ?5))
    SELECT item, evidence_json FROM place
    JOIN pod_evidence ON pod_evidence.batch = place.batch CROSS JOIN work
    WHERE EXISTS (SELECT 1 FROM work) AND position = evidence_json ->> 'index'
      AND name IN (evidence_json ->> 'jobName', place.batch || '/' || (evidence_json ->> 'jobName'))
      AND (uid IS NULL OR uid = evidence_json ->> 'jobUid')
    ORDER BY evidence_json ->> 'scheduledAt' DESC, pod_uid DESC LIMIT ${MAX_GRADING}`;
  const items = KINDS.map((verification) =>
    itemColumn({ kind: 'verification', attempt, verification }),
  );
  const rows = db.all(sql, attempt, ...items).map((row) => parseRow(zGrading, 'pod_evidence', row));
  return rows
    .reverse()
    .flatMap(({ item, evidence_json }) =>
      item.kind === 'verification' ? [{ work: item.verification, evidence: evidence_json }] : [],
    );
}

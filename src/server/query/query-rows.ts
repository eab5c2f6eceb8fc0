import { z } from 'zod';
import { zPodEvidence } from '../../protocol/pod-evidence.ts';
import { OUTCOMES } from '../../rollouts/outcome.ts';
import type {
  AttemptPod,
  AttemptRow,
  BatchRow,
  CallRow,
  OutcomeCounts,
  RolloutRow,
  VerificationRow,
} from '../../store/records.ts';
import { zAttemptEnd } from '../../store/sqlite/attempts.ts';
import { zCallFinish } from '../../store/sqlite/calls.ts';
import {
  absent,
  zAttemptId,
  zBatchId,
  zChecks,
  zDigest,
  zFindings,
  zOutcome,
  zRolloutId,
  zScore,
} from '../../store/sqlite/columns.ts';
import type { SynthesisCallRow, SynthesisRecordRow } from '../../store/synthesis-records.ts';

/** Rows of store/records.ts as JSON: what is `undefined` there is absent here. */
export const zBatchRow: z.ZodType<BatchRow> = z.object({
  id: zBatchId,
  owner: z.object({ kind: z.string(), name: z.string(), arm: z.string() }),
  taskSet: zDigest,
  specDigest: zDigest,
  spec: z.string(),
  createdAt: z.number(),
});

export const zRolloutRow: z.ZodType<RolloutRow> = z.object({
  id: zRolloutId,
  batch: zBatchId,
  position: z.number(),
  taskId: z.string(),
  taskDigest: zDigest,
  sample: z.number(),
  retriesFrom: z.number(),
  decision: absent(
    z.object({
      outcome: zOutcome,
      reason: z.string(),
      attempt: absent(zAttemptId),
      score: zScore,
      asLeft: absent(zScore),
      checks: zChecks,
      findings: zFindings,
      decidedAt: z.number(),
    }),
  ),
});

const zCount = z.int().min(0);
export const zOutcomeCounts: z.ZodType<OutcomeCounts> = z.object({
  ...Object.fromEntries(OUTCOMES.map((outcome) => [outcome, zCount.exactOptional()])),
  planned: zCount,
  undecided: zCount,
});

export const zAttemptRow: z.ZodType<AttemptRow> = z.object({
  id: zAttemptId,
  rollout: zRolloutId,
  number: z.number(),
  engine: z.string(),
  nonce: z.string(),
  startedAt: z.number(),
  harness: z.object({ name: z.string(), version: z.string(), configDigest: zDigest }),
  end: absent(zAttemptEnd),
  close: absent(
    z.object({
      class: zOutcome.or(z.literal('disruption')),
      reason: z.string(),
      closedAt: z.number(),
    }),
  ),
});

const zKind = z.enum(['main', 'asLeft', 'doubled', 'pristine']);

export const zAttemptPod: z.ZodType<AttemptPod> = z.object({
  work: z.literal('rollout').or(zKind),
  evidence: zPodEvidence,
});

export const zVerificationRow: z.ZodType<VerificationRow> = z.object({
  attempt: zAttemptId,
  kind: zKind,
  status: z.enum(['ok', 'crash', 'timeout', 'invalid']),
  message: z.string(),
  checks: zChecks,
  flat: z.number().nullable(),
  native: z.number().nullable(),
  seconds: z.number(),
  grader: z.object({ root: z.string(), python: z.string() }),
  findings: zFindings,
  createdAt: z.number(),
});

export const zCallRow: z.ZodType<CallRow> = z.object({
  callId: z.string(),
  attempt: zAttemptId,
  sequence: z.number(),
  startedAt: z.number(),
  model: z.string(),
  request: zDigest,
  finish: absent(zCallFinish),
});

export const zSynthesisRecordRow: z.ZodType<SynthesisRecordRow> = z.object({
  job: z.string(),
  number: z.int(),
  revision: z.int(),
  stage: z.string(),
  data: z.string(),
  endedAt: absent(z.number()),
});

export const zSynthesisCallRow: z.ZodType<SynthesisCallRow> = z.object({
  callId: z.string(),
  job: z.string(),
  number: z.int(),
  stage: z.string(),
  role: z.enum(['generator', 'judge']),
  model: z.string(),
  request: zDigest,
  response: zDigest,
  status: z.int(),
  inputTokens: z.int(),
  outputTokens: z.int(),
  startedAt: z.number(),
  endedAt: z.number(),
});

/** What the server says instead of an attempt's nonce, which is a secret of its pod. */
export const HIDDEN_NONCE = '(hidden)';

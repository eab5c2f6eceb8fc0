import { z } from 'zod';
import { zSha256 } from './fields.ts';

/**
 * What the worker of a SynthesisJob says to the server's sandbox listener and hears from it (design:
 * docs/design/cluster.md 12). All calls are made with the pod's own token, audience
 * `AUDIENCES.synthesis`, and may be repeated. Errors are `{code, message, retryable}`; 409 with
 * `zNoClaim` says that the pod may only wait.
 */
export const SYNTHESIS_ROUTES = {
  /** POST: `zSynthesisClaim`. */
  claim: '/synthesis/v1/claim',
  /** GET with `?after=N`: `zRecordPage`. POST `zRecordRow`: begins a record; a known number is left as it is. */
  records: '/synthesis/v1/records',
  /** PUT `zRecordRow`: the next checkpoint; 409 `Conflict` unless it follows the stored one or is it. */
  record: '/synthesis/v1/records/:number',
  /** POST `zAskBody`: `zAsked`. Held for some seconds; ask again while it is `pending`. */
  calls: '/synthesis/v1/calls',
  /** POST `zGatesBody`: `zGatesAnswer`. */
  gates: '/synthesis/v1/gates',
  /** POST: every record has ended; the accepted tasks are stored. `zSynthesisOutput`. */
  output: '/synthesis/v1/output',
  /** POST `zWorkerFailure`: why the worker ends, for people. */
  failure: '/synthesis/v1/failure',
} as const;

const zLabel = z.object({ id: z.string(), name: z.string(), group: z.string() });

/** What records are sampled from, and how; as they were when the job was planned. */
export const zSampling = z.object({
  rules: z.object({
    seed: z.int(),
    personas: z.object({ weight: z.int(), operations: z.int() }).optional(),
    skills: z.object({ weight: z.int(), supporting: z.int() }).optional(),
  }),
  seeds: z.object({
    personas: z.array(z.object({ id: z.string(), text: z.string() })),
    skills: z.array(z.object({ id: z.string(), description: z.string(), body: z.string() })),
    categories: z.array(zLabel),
    operations: z.array(zLabel),
  }),
});

/** Everything that a worker needs beside the records: it keeps nothing and brings nothing. */
export const zSynthesisClaim = z.object({
  /** Key of the job in the store. */
  job: z.string(),
  /** Ids of tasks begin with it. */
  name: z.string(),
  target: z.int(),
  maxRecords: z.int(),
  parallelism: z.int(),
  maxSimilarity: z.number(),
  lazyCeiling: z.number(),
  rubric: z.boolean(),
  sampling: zSampling,
  /** By name, as they were when the job was planned. */
  prompts: z.record(z.string(), z.string()),
  /** Instructions that no task may resemble. */
  against: z.array(z.object({ id: z.string(), instruction: z.string() })),
  /** The token budget allows no further call. */
  exhausted: z.boolean(),
});
export type SynthesisClaim = z.infer<typeof zSynthesisClaim>;

/** A row without its job. */
export const zRecordRow = z.object({
  number: z.int().min(1),
  revision: z.int().min(0),
  stage: z.string().max(32),
  data: z.string(),
  endedAt: z.number().optional(),
});
export type RecordRow = z.infer<typeof zRecordRow>;

/** By number; an empty page is the end. */
export const zRecordPage = z.object({ records: z.array(zRecordRow) });
export const RECORD_PAGE = 50;
/** Of one checkpoint: files as a model wrote them, as JSON in JSON. */
export const MAX_RECORD_BYTES = 32 * 1024 * 1024;

export const zAskBody = z.object({
  number: z.int().min(1),
  label: z.string().min(1).max(64),
  stage: z.string().max(32),
  role: z.enum(['generator', 'judge']),
  prompt: z.string(),
});
export type AskBody = z.infer<typeof zAskBody>;

const zText = z.union([
  z.object({ ok: z.literal(true), value: z.string() }),
  z.object({ ok: z.literal(false), problem: z.string() }),
]);

/** The answer is recorded by then. */
export const zAsked = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('pending') }),
  z.object({
    kind: z.literal('answer'),
    callId: z.string(),
    text: zText,
    exhausted: z.boolean(),
  }),
  /** The endpoint or the budget said no; `code` as in docs/reference/errors.md. */
  z.object({ kind: z.literal('refused'), code: z.string(), message: z.string() }),
]);
export type Asked = z.infer<typeof zAsked>;

/** Of a record as it is stored: the server makes the task from its row. */
export const zGatesBody = z.object({
  number: z.int().min(1),
  label: z.enum(['trial', 'gates']),
  /** Digest of the candidate that the worker means. */
  task: zSha256,
  runs: z
    .array(z.enum(['nop', 'lazy', 'solution', 'cheats']))
    .min(1)
    .max(4),
  /** Runs that could not be carried out are wanted once more. */
  again: z.boolean(),
});
export type GatesBody = z.infer<typeof zGatesBody>;

const zGateLine = z.object({
  sample: z.int(),
  outcome: z.string().optional(),
  reason: z.string(),
  flat: z.number().nullable(),
  final: z.number().nullable(),
  checks: z.string(),
  allZero: z.boolean(),
  findings: z.array(z.string()),
});

/** What became of one run of one candidate. */
export const zGateReport = z.object({
  rows: z.array(zGateLine),
  notes: z.array(z.string()),
  /** RolloutBatch that ran it. */
  place: z.string(),
  /** Set where it could not be carried out: nothing is shown by it. */
  problem: z.string().optional(),
});
export type GateRunReport = z.infer<typeof zGateReport>;

/** `reports` by run, of those that are over. */
export const zGatesAnswer = z.object({
  open: z.boolean(),
  reports: z.record(z.string(), zGateReport),
});
export type GatesAnswer = z.infer<typeof zGatesAnswer>;

export const zSynthesisOutput = z.object({ ended: z.string(), taskSet: z.string().optional() });

export const zWorkerFailure = z.object({
  code: z.string().max(64),
  message: z.string().max(2000),
});
export type WorkerFailure = z.infer<typeof zWorkerFailure>;

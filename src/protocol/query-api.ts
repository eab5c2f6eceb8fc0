import { z } from 'zod';
import { zSha256 } from './fields.ts';

/**
 * Reading records and artifacts over HTTP: what `clawgym get`, `show`, `logs`, `download` and `report`
 * ask of a cluster's server, on the user listener, with the bearer of its token Secret. Ids hold
 * slashes, so they are query parameters. Every answer is `{"rows": [...]}` or `{"row": {...} | null}`,
 * with the rows of store/records.ts; nonces are left out. Errors are `{code, message, retryable}`.
 */
export const QUERY_PREFIX = '/query/v1';

export const QUERY_ROUTES = {
  batches: '/batches',
  /** ?id= */
  batch: '/batch',
  /** ?batch= */
  outcomes: '/outcomes',
  /** ?batch= and optionally &undecided=true */
  rollouts: '/rollouts',
  /** ?id= */
  rollout: '/rollout',
  /** ?rollout= */
  attempts: '/attempts',
  /** ?id= */
  attempt: '/attempt',
  /** ?attempt= */
  verifications: '/verifications',
  /** ?attempt=: what became of its pods and of those that graded, as `AttemptPod` rows. */
  pods: '/pods',
  /** ?attempt= */
  calls: '/calls',
  /** ?id= */
  call: '/call',
  /** ?id=: a model call of a SynthesisJob. */
  synthesisCall: '/synthesis-call',
  /** Those of SynthesisJobs: `zKnownSynthesis` rows. */
  syntheses: '/syntheses',
  /** ?id= of one: `zKnownSynthesis` */
  synthesis: '/synthesis',
  /** ?synthesis= and optionally &after=N: at most `OVERVIEW_PAGE` records in brief; none is the end. */
  synthesisRecords: '/synthesis/records',
  /** ?synthesis=&number= */
  synthesisRecord: '/synthesis/record',
  /** ?synthesis=&number=: the answered calls of a record. */
  synthesisCalls: '/synthesis/calls',
  /** The bytes; 404 where there are none. */
  artifact: '/artifacts/:digest',
  /** PUT, raw body, with the bearer of the Secret: `zPutArtifact`. Swept within days, unless named. */
  put: '/artifacts',
  /** GET: `zListedModel` rows. POST `zImportedModel`, of files that were put, with that bearer. */
  models: '/models',
} as const;

/** A SynthesisJob whose rows the server keeps. */
export const zKnownSynthesis = z.object({
  /** Uid of the object. */
  id: z.string(),
  namespace: z.string(),
  name: z.string(),
  createdAt: z.number(),
  /** Accepted tasks, once the job has ended with any. */
  taskSet: zSha256.optional(),
  ended: z.boolean(),
});
export type KnownSynthesis = z.infer<typeof zKnownSynthesis>;
export const OVERVIEW_PAGE = 500;

export const zPutArtifact = z.object({ digest: zSha256, size: z.int() });

/** The manifest of a model whose files are in the store, and where it came from, for people. */
export const zImportedModel = z.object({ digest: zSha256, source: z.string().max(4096) });

export const zListedModel = z.object({
  digest: zSha256,
  from: z.object({ kind: z.enum(['run', 'import']), name: z.string() }),
  /** Milliseconds since the epoch. */
  at: z.number(),
});

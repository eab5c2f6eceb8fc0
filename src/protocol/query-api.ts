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
  /** ?attempt= */
  calls: '/calls',
  /** ?id= */
  call: '/call',
  /** The bytes; 404 where there are none. */
  artifact: '/artifacts/:digest',
} as const;

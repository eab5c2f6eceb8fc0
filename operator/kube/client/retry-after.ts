import type { KubeError } from '../base/kube-error.ts';
import type { KubeRequest } from './transport.ts';

/** client-go's limit in its request layer. */
export const MAX_RETRIES = 10;

/** `Retry-After` in milliseconds: whole seconds, the only form that the API server sends. */
export function parseRetryAfter(header: string | readonly string[] | undefined) {
  const text = typeof header === 'string' ? header : header?.[0];
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) * 1000 : undefined;
}

/**
 * Milliseconds to wait before the call is sent again; undefined: do not. The server must have asked
 * for it by Retry-After. A 5xx of a write may have been executed, so only reads are repeated then; a
 * 429 was refused before anything happened. No wait goes beyond the call's deadline.
 */
export function retryWait(
  request: Pick<KubeRequest, 'method'>,
  error: Pick<KubeError, 'httpStatus' | 'retryAfterMs'>,
  attempt: { readonly retries: number; readonly remainingMs: number },
): number | undefined {
  const { httpStatus, retryAfterMs } = error;
  if (httpStatus === undefined || retryAfterMs === undefined) return undefined;
  const safe = httpStatus === 429 || (httpStatus >= 500 && request.method === 'GET');
  if (!safe || attempt.retries >= MAX_RETRIES) return undefined;
  return retryAfterMs < attempt.remainingMs ? retryAfterMs : undefined;
}

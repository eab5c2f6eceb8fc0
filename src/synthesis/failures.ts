import { ClawError, type ErrorCode, errorMessage } from '../base/error.ts';

/** What is wrong with the host, the store or the job, and not with one record. */
const OF_THE_JOB: ReadonlySet<ErrorCode> = new Set([
  'StoreUnavailable',
  'ServerUnavailable',
  'ClusterUnavailable',
  'Cancelled',
  'Fenced',
  'Conflict',
  'MissingTool',
  'SandboxHostLost',
  'Unauthorized',
  'Forbidden',
]);

export type OutageOf = 'model' | 'sandbox';

export type Failure =
  | { readonly kind: 'job' }
  /** What answers calls or starts sandboxes; other records may fare better. */
  | { readonly kind: 'outage'; readonly of: OutageOf }
  | { readonly kind: 'record'; readonly reason: string; readonly message: string };

/**
 * Whose failure it is when a stage throws. What one record's contents bring about ends that record and
 * never the job, a fault of ours that they bring to light included.
 */
export function failureOf(thrown: unknown, signal: AbortSignal): Failure {
  if (signal.aborted) return { kind: 'job' };
  if (!(thrown instanceof ClawError)) {
    const reason = thrown instanceof Error && 'code' in thrown ? undefined : 'Internal';
    // A failed system call says something of the host.
    return reason === undefined
      ? { kind: 'job' }
      : { kind: 'record', reason, message: errorMessage(thrown) };
  }
  if (thrown.code === 'UpstreamFailed') return { kind: 'outage', of: 'model' };
  if (thrown.code === 'SandboxFailed') return { kind: 'outage', of: 'sandbox' };
  if (OF_THE_JOB.has(thrown.code)) return { kind: 'job' };
  return { kind: 'record', reason: thrown.code, message: thrown.message };
}

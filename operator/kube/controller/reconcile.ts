import { isConflict, isFieldManagerConflict, KubeError } from '../base/kube-error.ts';
import type { Logger } from '../base/logger.ts';
import type { ObjectKey } from '../objects/object-key.ts';

/**
 * Brings the world closer to what the object `key` wants, from what is observed now: never from
 * what a former run remembers. Must be safe to run again at any time and must end soon after
 * `context.signal` aborts, writing nothing more. A rejection is retried: `Conflict` soon, `Terminal`
 * only when the object changes, all others (a field that another manager owns among them) with a
 * growing pause.
 */
export type Reconcile = (key: ObjectKey, context: ReconcileContext) => Promise<ReconcileResult>;

export interface ReconcileContext {
  /** Aborts on time-out, at the end of a shutdown and when leadership is lost. */
  readonly signal: AbortSignal;
  /** Names the controller, the object and this run on every line. */
  readonly logger: Logger;
  /** Unique to this run; also the `reconcileID` of its log lines. */
  readonly reconcileId: string;
}

export interface ReconcileResult {
  /** Run again after this many milliseconds even if nothing changes. */
  readonly requeueAfterMs?: number;
}

/** Nothing more to do until something changes. */
export const DONE: ReconcileResult = {};

/** Whether the cache still lacks an own write of a key; `WrittenVersions` is one. */
export interface ReadGate {
  isBehind(key: ObjectKey): boolean;
}

/**
 * The error of a reconcile that cannot succeed before its object changes, for example for a spec
 * that contradicts itself. State it in a condition too: nobody reads logs first.
 */
export function terminal(message: string, cause?: unknown): KubeError {
  return new KubeError('Terminal', message, cause === undefined ? {} : { cause });
}

export type FailureKind = 'conflict' | 'terminal' | 'error';

/** What to do about a rejection. */
export function failureKind(thrown: unknown): FailureKind {
  if (isFieldManagerConflict(thrown)) return 'error';
  if (isConflict(thrown)) return 'conflict';
  return thrown instanceof KubeError && thrown.code === 'Terminal' ? 'terminal' : 'error';
}

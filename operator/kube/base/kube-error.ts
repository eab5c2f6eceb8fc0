/**
 * The one error class of the runtime. `code` is stable: what went wrong, in the words of the API
 * server's `Status.reason` where it gave one (`NotFound`, `Conflict`, `AlreadyExists`, `Expired`,
 * `Invalid`, `Forbidden`, `TooManyRequests` …), else one of the codes below.
 */
export class KubeError extends Error {
  readonly code: string;
  /** HTTP status of the answer; undefined where there was none (connection, time-out, abort). */
  readonly httpStatus: number | undefined;
  /** True where the same call may succeed later without a change of input. */
  readonly retryable: boolean;
  /** Milliseconds that the server asked to wait (`Retry-After`). */
  readonly retryAfterMs: number | undefined;
  /** Field errors of the API server's Status, as far as it names them. */
  readonly causes: readonly StatusCause[];

  constructor(code: string, message: string, options: KubeErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'KubeError';
    this.code = code;
    this.httpStatus = options.httpStatus;
    this.retryable = options.retryable ?? false;
    this.retryAfterMs = options.retryAfterMs;
    this.causes = options.causes ?? [];
  }
}

/** One field error: `reason` (`FieldValueInvalid`), `message`, `field` (`spec.parallelism`). */
export interface StatusCause {
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
  readonly field?: string | undefined;
}

export interface KubeErrorOptions {
  readonly cause?: unknown;
  readonly httpStatus?: number;
  readonly retryable?: boolean;
  readonly retryAfterMs?: number;
  readonly causes?: readonly StatusCause[];
}

/** Codes that the runtime itself raises, beside the reasons of the API server. */
export const RUNTIME_ERROR_CODES = {
  ConnectionFailed: 'The API server could not be reached or the connection broke.',
  RequestTimeout: 'The API server gave no answer within the deadline of the call.',
  Aborted: 'The caller ended the call by its AbortSignal.',
  InvalidObject: 'An object from the API server does not fit the schema of its resource.',
  InvalidAnswer: 'The API server answered with something that is not JSON or not a known shape.',
  InvalidConfig: 'The kubeconfig or the in-cluster configuration cannot be used.',
  InvalidOption: 'An option of the runtime has a value that cannot work.',
  LeaseLost: 'This process is no longer the leader; everything that writes has been stopped.',
  CacheNotSynced: 'The caches of a controller did not hold the first list within the limit.',
  Terminal: 'A reconcile cannot succeed before its object changes.',
  ReconcileTimeout: 'A reconcile ran longer than its limit.',
  NotOwned: 'An object with the name of a child belongs to somebody else.',
} as const;

const is =
  (...codes: readonly string[]) =>
  (thrown: unknown): thrown is KubeError =>
    thrown instanceof KubeError && codes.includes(thrown.code);

export const isNotFound = is('NotFound');
export const isForbidden = is('Forbidden');
/** An answer that says no to the call itself, however often it is made: unlike a failure of the way. */
export const isRefusal = is('Forbidden', 'NotFound');
export const isConflict = is('Conflict');
/** A server-side apply without force of fields that another manager owns: time does not heal it. */
export const isFieldManagerConflict = (thrown: unknown): thrown is KubeError =>
  isConflict(thrown) && thrown.causes.some(({ reason }) => reason === 'FieldManagerConflict');
export const isAlreadyExists = is('AlreadyExists');
/** 410 at list, at the start of a watch or inside its stream: list again. */
export const isExpired = is('Expired', 'Gone');
export const isInvalid = is('Invalid');
export const isAborted = is('Aborted');
export const isLeaseLost = is('LeaseLost');

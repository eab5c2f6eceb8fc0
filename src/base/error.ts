import { typedEntries } from './brand.ts';

/**
 * The project's one error class. `code` is stable and documented in docs/reference/errors.md;
 * `message` carries the place, the offending value, what was expected and, where there is one, the
 * next step.
 */
export class ClawError extends Error {
  readonly code: ErrorCode;
  /** True where the same call may succeed later without a change of input. */
  readonly retryable: boolean;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: ClawErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ClawError';
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.details = options.details ?? {};
  }
}

export interface ClawErrorOptions {
  readonly cause?: unknown;
  readonly retryable?: boolean;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Every code the product can raise, with the sentence that docs/reference/errors.md prints. */
export const ERROR_CODES = {
  InvalidInput: 'A file, row, flag or field does not have the expected form.',
  InvalidManifest: 'A manifest does not fit the schema of its kind.',
  InvalidTask: 'A task cannot be imported or run; the message names file, field and expectation.',
  UnsupportedTask: 'A task asks for something that this version cannot run; the message names it.',
  NotFound: 'The named thing does not exist.',
  Conflict: 'The named thing exists with other content.',
  UnsafePath: 'A path is absolute, escapes its root, is too long or is a link.',
  TooLarge: 'A size, count or length limit was exceeded.',
  CorruptArtifact: 'Stored bytes do not have the digest they are filed under.',
  StoreUnavailable: 'The record or artifact store cannot be opened or written.',
  ServerUnavailable:
    'The ClawGym server gave no answer or asked to come back later; the call is tried again.',
  ProtocolMismatch:
    'Operator and server share no version of their protocol; the message names both and the command.',
  Unauthorized: 'A token or credential is missing, unknown, expired or for something else.',
  Forbidden: 'Who asks is known, and may not do this; the message names the reason.',
  ClusterUnavailable: 'The API server gave no answer that this step needs; it is asked again.',
  Fenced: 'A later claim owns this attempt; the late write was refused.',
  MissingTool: 'A program that this step needs is not installed; the message names the command.',
  ClusterFailed:
    'A program of the test cluster did not come up or ended; the message holds the end of its log.',
  SandboxFailed: 'The sandbox could not be started.',
  SandboxHostLost: 'The process that starts sandboxes ended; what ran in it is run again.',
  AgentSetupFailed: 'An agent harness could not be installed or configured.',
  UpstreamFailed: 'The model endpoint gave no usable answer within its retries.',
  TrainingFailed:
    'A training run cannot go on; the message names what failed and where its log is.',
  BudgetExhausted: 'A turn, token or time budget of the attempt is used up.',
  Cancelled: 'The operation was cancelled.',
  Timeout: 'A deadline passed.',
  Internal: 'A broken invariant: please report it.',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** Message of anything thrown, for logs and reports. */
export function errorMessage(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  // A name with several addresses fails with one error each and no words of its own.
  const several: readonly unknown[] =
    thrown instanceof AggregateError && thrown.message === '' ? thrown.errors : [];
  return several.length === 0 ? thrown.message : several.map(errorMessage).join('; ');
}

/** The thrown value as a ClawError; foreign errors become `Internal` with the cause kept. */
export function toClawError(thrown: unknown, code: ErrorCode = 'Internal'): ClawError {
  if (thrown instanceof ClawError) return thrown;
  return new ClawError(code, errorMessage(thrown), { cause: thrown });
}

/** A code that came over a wire; unknown ones become `Internal`. */
export function asErrorCode(code: string): ErrorCode {
  const known = typedEntries(ERROR_CODES).find(([name]) => name === code);
  return known?.[0] ?? 'Internal';
}

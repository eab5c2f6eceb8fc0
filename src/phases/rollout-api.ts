import type { AttemptId, RolloutId, Sha256 } from '../base/brand.ts';
import type { AttemptEnd, VerificationKind, VerificationRow } from '../store/records.ts';

/**
 * What the trusted phases ask of the server (design: rollouts.md 2 and 4). Locally an in-process
 * object, in a cluster an HTTP client; both idempotent by attempt.
 */
export interface RolloutApi {
  /** Bytes of an artifact or task file that this attempt may read. */
  readArtifact(digest: Sha256): Promise<Uint8Array>;
  putArtifact(bytes: Uint8Array): Promise<Sha256>;
  endAttempt(attempt: AttemptId, nonce: string, end: AttemptEnd): Promise<void>;
  putVerification(row: VerificationRow): Promise<VerificationRow>;
}

/** What `stage` gets for a claim. */
export interface AttemptAssignment {
  readonly rollout: RolloutId;
  readonly attempt: AttemptId;
  readonly nonce: string;
}

export interface VerificationAssignment {
  readonly attempt: AttemptId;
  readonly kind: VerificationKind;
}

import type { ArtifactStore } from '../store/artifacts.ts';
import type { RecordStore } from '../store/records.ts';

/**
 * What the trusted phases ask of the server, and all they may ask (design: rollouts.md 2): claim an
 * attempt, take in its end, read and store artifacts, take in verifications. In one process an object
 * over the stores (server/rollout-service.ts); in a cluster an HTTP client with the same methods. Each
 * is idempotent by attempt, and a late writer is fenced by its nonce.
 */
export type RolloutApi = Pick<ArtifactStore, 'put' | 'putStream' | 'size' | 'read' | 'stream'> &
  Pick<RecordStore, 'openAttempt' | 'endAttempt' | 'addVerification' | 'listCalls'>;

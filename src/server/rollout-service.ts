import type { RolloutApi } from '../phases/rollout-api.ts';
import type { ArtifactStore } from '../store/artifacts.ts';
import type { RecordStore } from '../store/records.ts';

/** The rollout API over the stores of this process; it hands out nothing of them beyond the API. */
export function rolloutService(store: RecordStore, artifacts: ArtifactStore): RolloutApi {
  return {
    put: (bytes) => artifacts.put(bytes),
    putStream: (stream, options) => artifacts.putStream(stream, options),
    size: (digest) => artifacts.size(digest),
    read: (digest) => artifacts.read(digest),
    stream: (digest) => artifacts.stream(digest),
    openAttempt: (rollout, claim) => store.openAttempt(rollout, claim),
    endAttempt: (attempt, nonce, end) => store.endAttempt(attempt, nonce, end),
    addVerification: (row) => store.addVerification(row),
    listCalls: (attempt) => store.listCalls(attempt),
  };
}

import { asRolloutId, type BatchId, type RolloutId } from '../../src/base/brand.ts';
import { canonicalJson } from '../../src/base/canonical-json.ts';
import { sha256 } from '../../src/base/digest.ts';
import type { Outcome } from '../../src/rollouts/outcome.ts';
import { NO_SCORE } from '../../src/rollouts/outcome.ts';
import type { ArtifactStore } from '../../src/store/artifacts.ts';
import type { RecordStore } from '../../src/store/records.ts';

const DIGEST = sha256('x');

/** A decided rollout: what it scored, and the tokens of its calls. */
export interface Played {
  readonly task: string;
  readonly outcome?: Outcome;
  readonly score?: number;
  /** Of one call each; a number short of log-probabilities cannot be trained on. */
  readonly calls?: readonly {
    readonly ids: readonly number[];
    readonly short?: boolean;
    readonly version?: number;
    /** `length`: cut. */
    readonly finish?: string;
    /** As an engine told them; absent: made up. */
    readonly promptIds?: readonly number[];
    readonly logprobs?: readonly number[];
  }[];
}

/** Keeps a batch of which every rollout is decided, in the order of `rollouts`. */
export async function playBatch(
  batch: BatchId,
  rollouts: readonly Played[],
  store: RecordStore,
  artifacts: Pick<ArtifactStore, 'put'>,
): Promise<void> {
  const rows = rollouts.map(({ task }, sample) => ({
    ...{ id: asRolloutId(`${batch}/${task}/${sample}`), taskId: task, taskDigest: DIGEST, sample },
  }));
  const owner = { kind: 'TrainingRun', name: 'r', arm: 'step-1' };
  await store.planBatch(
    { id: batch, owner, taskSet: DIGEST, specDigest: DIGEST, spec: '{}', createdAt: 1 },
    rows,
  );
  for (const [at, row] of rows.entries()) {
    await play(row.id, rollouts[at] ?? { task: '' }, store, artifacts);
  }
}

async function play(
  id: RolloutId,
  { outcome = 'scored', score, calls = [{ ids: [5] }] }: Played,
  store: RecordStore,
  artifacts: Pick<ArtifactStore, 'put'>,
): Promise<void> {
  const harness = { name: 'command', version: '0', configDigest: DIGEST };
  const claim = { engine: 'e', nonce: 'n', startedAt: 1, harness };
  const attempt = await store.openAttempt(id, claim);
  for (const [at, { ids, short, version = 2, finish = 'stop', ...said }] of calls.entries()) {
    const logprobs = said.logprobs ?? ids.slice(short === true ? 1 : 0).map(() => -0.25);
    const promptIds = said.promptIds ?? [1, at];
    const record = { promptIds, completionIds: ids, logprobs, version, finish };
    const tokens = (await artifacts.put(Buffer.from(canonicalJson(record)))).digest;
    const callId = `${id}-${at}`;
    await store.openCall({
      ...{ callId, attempt: attempt.id, startedAt: 1, model: 'm', request: DIGEST },
    });
    await store.finishCall(callId, {
      ...{ status: 200, contentType: 'application/json', response: DIGEST, result: 'complete' },
      ...{ inputTokens: 1, outputTokens: 1, tokens, endedAt: 2 },
    });
  }
  const closed = { class: outcome, reason: '', closedAt: 3 } as const;
  await store.closeAttempt(attempt.id, closed);
  await store.decideRollout(id, {
    ...{ outcome, reason: '', attempt: attempt.id, asLeft: undefined, checks: [], findings: [] },
    score: { ...NO_SCORE, final: score ?? null },
    decidedAt: 4,
  });
}

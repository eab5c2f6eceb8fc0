import { join } from 'node:path';
import { canonicalJson } from '../../src/base/canonical-json.ts';
import { ClawError } from '../../src/base/error.ts';
import type { RecordReader } from '../../src/store/record-reader.ts';
import type { AttemptRow, CallRow } from '../../src/store/records.ts';
import { openSqliteReader } from '../../src/store/sqlite/open.ts';

/** What the record store of an output folder holds, read beside or after the process that writes it. */
export interface StoreState {
  /** The whole decision of each decided rollout, as canonical JSON. */
  readonly decisions: Map<string, string>;
  /** Id of the attempt that decided, by rollout. */
  readonly deciding: Map<string, string>;
  readonly attempts: AttemptRow[];
  /** By call id. */
  readonly calls: Map<string, CallRow>;
}

/** Reads it all; a store that a killed process has not finished making is empty. */
export async function readStore(out: string): Promise<StoreState> {
  const state: StoreState = {
    decisions: new Map(),
    deciding: new Map(),
    attempts: [],
    calls: new Map(),
  };
  await using store = await openReader(join(out, 'store'));
  for (const batch of (await store?.listBatches()) ?? []) {
    if (store !== undefined) await readBatch(store, batch.id, state);
  }
  return state;
}

async function readBatch(
  store: RecordReader,
  batch: Parameters<RecordReader['listRollouts']>[0],
  state: StoreState,
): Promise<void> {
  for (const { id, decision } of await store.listRollouts(batch)) {
    if (decision !== undefined) state.decisions.set(id, canonicalJson(decision));
    if (decision?.attempt !== undefined) state.deciding.set(id, decision.attempt);
    for (const attempt of await store.listAttempts(id)) {
      state.attempts.push(attempt);
      for (const call of await store.listCalls(attempt.id)) state.calls.set(call.callId, call);
    }
  }
}

async function openReader(folder: string): Promise<RecordReader | undefined> {
  try {
    return await openSqliteReader(folder);
  } catch (cause) {
    const unmade = ['NotFound', 'StoreUnavailable'];
    if (cause instanceof ClawError && unmade.includes(cause.code)) return undefined;
    throw cause;
  }
}

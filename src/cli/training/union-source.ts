import type { ExportSource } from '../../trajectories/export-messages.ts';
import { type ReadableArtifacts, unionArtifacts } from '../run-outputs/union-artifacts.ts';

/** What an export reads. */
export interface BatchSource {
  readonly store: ExportSource['store'];
  readonly artifacts: ReadableArtifacts;
}

/** Several stores as one: a batch, with all that belongs to it, is in one of them alone. */
export function unionSource(sources: readonly BatchSource[]): BatchSource {
  const stores = sources.map(({ store }) => store);
  return {
    store: {
      getBatch: (id) => firstOf(stores, (store) => store.getBatch(id)),
      listRollouts: (batch) => fullest(stores, (store) => store.listRollouts(batch)),
      listAttempts: (rollout) => fullest(stores, (store) => store.listAttempts(rollout)),
      listCalls: (attempt) => fullest(stores, (store) => store.listCalls(attempt)),
    },
    artifacts: unionArtifacts(sources.map(({ artifacts }) => artifacts)),
  };
}

async function firstOf<S, T>(
  sources: readonly S[],
  ask: (source: S) => Promise<T | undefined>,
): Promise<T | undefined> {
  for (const source of sources) {
    const answer = await ask(source);
    if (answer !== undefined) return answer;
  }
  return undefined;
}

async function fullest<S, T>(
  sources: readonly S[],
  ask: (source: S) => Promise<readonly T[]>,
): Promise<readonly T[]> {
  for (const source of sources) {
    const answer = await ask(source);
    if (answer.length > 0) return answer;
  }
  return [];
}

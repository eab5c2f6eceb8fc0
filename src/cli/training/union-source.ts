import { ClawError } from '../../base/error.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import type { ExportSource } from '../../trajectories/export-messages.ts';

/** What an export reads. */
export interface BatchSource {
  readonly store: ExportSource['store'];
  readonly artifacts: Pick<ArtifactStore, 'size' | 'read' | 'stream'>;
}

/** Several stores as one: a batch, with all that belongs to it, is in one of them alone. */
export function unionSource(sources: readonly BatchSource[]): BatchSource {
  const stores = sources.map(({ store }) => store);
  const holder = async (digest: Parameters<ArtifactStore['size']>[0]) => {
    for (const { artifacts } of sources) {
      if ((await artifacts.size(digest)) !== undefined) return artifacts;
    }
    throw new ClawError('NotFound', `artifact ${digest} is in no store of the work folder`);
  };
  return {
    store: {
      getBatch: (id) => firstOf(stores, (store) => store.getBatch(id)),
      listRollouts: (batch) => fullest(stores, (store) => store.listRollouts(batch)),
      listAttempts: (rollout) => fullest(stores, (store) => store.listAttempts(rollout)),
      listCalls: (attempt) => fullest(stores, (store) => store.listCalls(attempt)),
    },
    artifacts: {
      size: (digest) => firstOf(sources, ({ artifacts }) => artifacts.size(digest)),
      read: async (digest) => (await holder(digest)).read(digest),
      stream: async (digest) => (await holder(digest)).stream(digest),
    },
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

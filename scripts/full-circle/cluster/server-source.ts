import type { Sha256 } from '../../../src/base/brand.ts';
import { ClawError } from '../../../src/base/error.ts';
import type { QueryClient } from '../../../src/server/query/query-client.ts';
import type { LineageSource } from '../lineage-stores.ts';

/** Records and artifacts of a cluster's server; of the batches, those of these uids. */
export function serverSource(server: QueryClient, batches: ReadonlySet<string>): LineageSource {
  const { getBatch, listRollouts, listAttempts, listCalls, getSynthesisCall } = server;
  return {
    records: {
      ...{ getBatch, listRollouts, listAttempts, listCalls, getSynthesisCall },
      listBatches: async () => (await server.listBatches()).filter(({ id }) => batches.has(id)),
    },
    artifacts: {
      read: (digest) => server.read(digest),
      stream: (digest) => server.stream(digest),
      size: (digest) => sizeOf(server, digest),
    },
  };
}

async function sizeOf(server: QueryClient, digest: Sha256): Promise<number | undefined> {
  try {
    return await server.size(digest);
  } catch (thrown) {
    if (thrown instanceof ClawError && thrown.code === 'NotFound') return undefined;
    throw thrown;
  }
}

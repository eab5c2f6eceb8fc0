import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import type { ClusterStore } from '../../store/cluster-records.ts';
import { openSqliteClusterStore } from '../../store/sqlite/open.ts';
import type { ServerConfig } from './config.ts';

type Place = Pick<ServerConfig, 'dataDir' | 'namespace' | 'service'>;

/** The server's records on its volume. Throws `StoreUnavailable`, also where a newer release wrote them. */
export async function openStore({ dataDir, ...place }: Place): Promise<ClusterStore> {
  const folder = join(dataDir, 'records');
  await mkdir(folder, { recursive: true });
  return await openSqliteClusterStore({
    folder,
    holder: `pid ${process.pid} of clawgym-server`,
    clock: systemClock,
    survives: 'power',
    ifNewer: backToNewer(place),
  });
}

/** A StatefulSet does not replace a pod that never became ready, so that is somebody's to delete. */
function backToNewer({ namespace, service }: Omit<Place, 'dataDir'>): string {
  const here = `--namespace ${namespace}`;
  return (
    `Nothing was changed. Go back to the release of that version, which helm history RELEASE ${here} shows: ` +
    `helm rollback RELEASE REVISION ${here}, then kubectl delete pod ${service}-0 ${here}`
  );
}

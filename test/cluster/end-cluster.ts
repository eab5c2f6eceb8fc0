import type { HostEnv } from './cluster-host.ts';
import { readSupervisor } from './cluster-record.ts';
import { askSupervisor } from './control-client.ts';
import { removeCluster } from './leftovers.ts';
import { isRunning, signalProcess } from './process-identity.ts';
import { waitUntil } from './wait-until.ts';

const END_SECONDS = 60;

/**
 * Ends a cluster from any process of its user: the supervisor is asked, then told by SIGTERM, then
 * killed; what it leaves in that case is removed here.
 */
export async function endCluster(stateFolder: string, env: HostEnv): Promise<void> {
  const supervisor = readSupervisor(stateFolder);
  if (supervisor === undefined) return;
  const gone = (): boolean => !isRunning(supervisor);
  const what = `end of the cluster in ${stateFolder}`;
  try {
    await askSupervisor(stateFolder, { op: 'end' });
  } catch {
    signalProcess(supervisor, 'SIGTERM');
  }
  try {
    await waitUntil(gone, { what, seconds: END_SECONDS });
  } catch {
    signalProcess(supervisor, 'SIGKILL');
    await waitUntil(gone, { what, seconds: END_SECONDS });
  }
  await removeCluster(stateFolder, env);
}

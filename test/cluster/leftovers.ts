import { rm, stat } from 'node:fs/promises';
import { ClawError, errorMessage } from '../../src/base/error.ts';
import type { Logger } from '../../src/base/logger.ts';
import type { HostEnv } from './cluster-host.ts';
import { clusterName, isSupervised, readSupervisor } from './cluster-record.ts';
import { Ledger } from './ledger.ts';
import { closeStateRoot, clusterFolders } from './state-root.ts';
import { undoLedger } from './undo-ledger.ts';

/** A folder this young without a supervisor may still be getting one. */
const YOUNG_MS = 60_000;

/** Undoes everything a cluster made and removes its folder, which is the record of it, last. */
export async function removeCluster(stateFolder: string, env: HostEnv): Promise<void> {
  const failures = await undoLedger(new Ledger(stateFolder).entries(), env);
  if (failures.length > 0) {
    throw new ClawError(
      'ClusterFailed',
      `cluster ${clusterName(stateFolder)} left behind what could not be removed; ` +
        `the list stays in ${stateFolder}:\n${failures.join('\n')}`,
    );
  }
  await rm(stateFolder, { recursive: true, force: true, maxRetries: 5 });
}

export interface Leftovers {
  /** Names of clusters of which nothing is left now. */
  readonly removed: readonly string[];
  /** One message for each cluster of which something could not be removed. */
  readonly failures: readonly string[];
}

/**
 * Ends what clusters whose supervisor was killed have left. One that cannot be undone is a warning
 * here: it must not keep another from starting.
 */
export async function removeLeftovers(
  uid: number,
  env: HostEnv,
  logger: Logger,
): Promise<Leftovers> {
  const removed: string[] = [];
  const failures: string[] = [];
  for (const folder of await clusterFolders(uid)) {
    if (isSupervised(folder)) continue;
    if (readSupervisor(folder) === undefined && (await isYoung(folder))) continue;
    logger.info({}, `removing what cluster ${clusterName(folder)} left when it was killed`);
    try {
      await removeCluster(folder, env);
      removed.push(clusterName(folder));
    } catch (cause) {
      failures.push(errorMessage(cause));
      logger.warn({}, errorMessage(cause));
    }
  }
  await closeStateRoot(uid);
  return { removed, failures };
}

async function isYoung(folder: string): Promise<boolean> {
  const found = await stat(folder).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs < YOUNG_MS;
}

import { stderrLogger } from '../../../src/cli/stderr-logger.ts';
import { clusterEnvironment } from '../cluster-environment.ts';
import { isSupervised } from '../cluster-record.ts';
import { endCluster } from '../end-cluster.ts';
import { LAYER_NAMES, type LayerName } from '../layer.ts';
import { removeLeftovers } from '../leftovers.ts';
import { backgroundFolder, backgroundName } from './background-cluster.ts';

export interface DownOptions {
  readonly layer?: LayerName | undefined;
  readonly output: 'text' | 'json';
}

/** `down`: fine where nothing runs. Clusters of running tests are theirs and stay. */
export async function down({ layer, output }: DownOptions): Promise<void> {
  const { env, uid } = clusterEnvironment();
  const logger = stderrLogger((line) => void process.stderr.write(line));
  const ended: string[] = [];
  for (const name of layer === undefined ? LAYER_NAMES : [layer]) {
    const folder = backgroundFolder(name, uid);
    if (!isSupervised(folder)) continue;
    logger.info({}, `ending layer ${name}`);
    await endCluster(folder, env);
    ended.push(backgroundName(name));
  }
  const { removed: leftovers, failures } = await removeLeftovers(uid, env, logger);
  if (failures.length > 0) process.exitCode = 1;
  process.stdout.write(
    output === 'json' ? `${JSON.stringify({ ended, leftovers })}\n` : text(ended, leftovers),
  );
}

function text(ended: readonly string[], leftovers: readonly string[]): string {
  const all = [...ended, ...leftovers];
  return all.length === 0 ? 'nothing was running\n' : `gone: ${all.join(', ')}\n`;
}

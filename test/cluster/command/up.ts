import { systemClock } from '../../../src/base/clock.ts';
import { stderrLogger } from '../../../src/cli/stderr-logger.ts';
import { stopSignal } from '../../../src/cli/stop-signal.ts';
import { clusterEnvironment } from '../cluster-environment.ts';
import { type ClusterRecord, isSupervised, readClusterRecord } from '../cluster-record.ts';
import type { LayerName } from '../layer.ts';
import { removeLeftovers } from '../leftovers.ts';
import { startSupervisor } from '../start-supervisor.ts';
import { waitUntil } from '../wait-until.ts';
import { backgroundFolder, backgroundName } from './background-cluster.ts';

export interface UpOptions {
  readonly layer: LayerName;
  readonly nodes?: number | undefined;
  readonly output: 'text' | 'json';
}

/** Longer than the longest build: another `up` of the layer may be at it. */
const OTHER_SECONDS = 4000;

/** `up`: idempotent; a layer that runs already is only reported, whatever its options were. */
export async function up({ layer, nodes, output }: UpOptions): Promise<void> {
  const { env, uid } = clusterEnvironment();
  const say = (text: string): void => void process.stderr.write(text);
  const logger = stderrLogger(say);
  using stop = stopSignal(say);
  await removeLeftovers(uid, env, logger);
  const folder = backgroundFolder(layer, uid);
  const began = systemClock.monotonic();
  const running = isSupervised(folder);
  if (!running) {
    const options = nodes === undefined ? {} : { simulatedNodes: nodes };
    const name = backgroundName(layer);
    const { signal } = stop;
    await startSupervisor({ layer, options, name, keep: true, env, logger, signal });
  }
  const ready = (): boolean => readClusterRecord(folder) !== undefined || !isSupervised(folder);
  const what = `layer ${layer}, which another command is starting, is ready`;
  await waitUntil(ready, { what, seconds: OTHER_SECONDS, signal: stop.signal });
  const record = readClusterRecord(folder);
  if (record === undefined) return await up({ layer, nodes, output });
  const seconds = (systemClock.monotonic() - began) / 1000;
  const how = running ? 'runs already' : `is up after ${seconds.toFixed(1)} s`;
  process.stdout.write(output === 'json' ? json(record) : text(record, how));
}

function json({ layer, kubeconfig, kubectl, stateFolder, facts }: ClusterRecord): string {
  return `${JSON.stringify({ layer, kubeconfig, kubectl, stateFolder, facts }, null, 2)}\n`;
}

function text({ layer, kubeconfig, kubectl }: ClusterRecord, how: string): string {
  return [
    `layer ${layer} ${how}`,
    `kubeconfig: ${kubeconfig}`,
    `next:       export KUBECONFIG=${kubeconfig}; ${kubectl} get namespaces`,
    'end it:     npm run cluster -- down',
    '',
  ].join('\n');
}

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { clusterEnvironment } from '../cluster/cluster-environment.ts';
import { type ClusterRecord, zClusterRecord } from '../cluster/cluster-record.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '..', '..');
const QUIET = '--disable-warning=ExperimentalWarning';

/** Clusters whose state stands in a folder of the test's own, apart from all others on the host. */
export class ClusterProcesses {
  readonly #env: NodeJS.ProcessEnv;

  constructor(temporary: string) {
    this.#env = { ...clusterEnvironment().env, TMPDIR: temporary };
  }

  /** `npm run cluster -- ARGS`: its standard output; rejects where it fails. */
  async command(...args: readonly string[]): Promise<string> {
    const argv = [QUIET, join(ROOT, 'scripts/cluster.ts'), ...args];
    return (await run(process.execPath, argv, { env: this.#env })).stdout;
  }

  /** Another process that starts a cluster for itself, once the cluster is ready. */
  async owner(layer: string): Promise<{ process: ChildProcess; record: ClusterRecord }> {
    const argv = [QUIET, join(ROOT, 'test/support/cluster-owner.ts'), layer];
    const child = spawn(process.execPath, argv, {
      env: this.#env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(createInterface({ input: child.stdout }), 'line');
    return { process: child, record: zClusterRecord.parse(JSON.parse(String(line))) };
  }
}

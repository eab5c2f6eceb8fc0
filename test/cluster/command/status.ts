import { table } from '../../../src/base/table.ts';
import { clusterEnvironment } from '../cluster-environment.ts';
import { clusterName, isSupervised, readClusterRecord, readSupervisor } from '../cluster-record.ts';
import { askSupervisor } from '../control-client.ts';
import type { ProgramStatus } from '../programs.ts';
import { clusterFolders } from '../state-root.ts';
import { isBackground } from './background-cluster.ts';

interface ClusterStatus {
  readonly name: string;
  readonly layer: string;
  /** `left behind`: its supervisor was killed; `down` and the next start remove it. */
  readonly state: 'ready' | 'starting' | 'left behind';
  readonly owner: 'up' | 'tests';
  readonly kubeconfig: string;
  readonly programs: readonly ProgramStatus[];
}

/** `status`: every cluster of this user, with its programs. */
export async function status(options: { readonly output: 'text' | 'json' }): Promise<void> {
  const { uid } = clusterEnvironment();
  const all: ClusterStatus[] = [];
  for (const folder of await clusterFolders(uid)) all.push(await statusOf(folder));
  process.stdout.write(options.output === 'json' ? `${JSON.stringify(all, null, 2)}\n` : text(all));
}

async function statusOf(folder: string): Promise<ClusterStatus> {
  const record = readClusterRecord(folder);
  const supervised = isSupervised(folder);
  const name = clusterName(folder);
  const asked = supervised ? await askSupervisor(folder, { op: 'programs' }).catch(() => []) : [];
  const alive = record === undefined ? 'starting' : 'ready';
  return {
    name,
    layer: readSupervisor(folder)?.layer ?? '',
    state: supervised ? alive : 'left behind',
    owner: isBackground(name) ? 'up' : 'tests',
    kubeconfig: record?.kubeconfig ?? '',
    programs: asked,
  };
}

function text(all: readonly ClusterStatus[]): string {
  if (all.length === 0) return 'no cluster runs; start one with: npm run cluster -- up\n';
  const rows = all.map(({ name, layer, state, owner, programs, kubeconfig }) => {
    const ended = programs.filter(({ running }) => !running).map((program) => program.name);
    const count = `${programs.length - ended.length}/${programs.length}`;
    const missing = ended.length === 0 ? count : `${count} (ended: ${ended.join(', ')})`;
    return [name, layer, state, owner, missing, kubeconfig];
  });
  return table(['CLUSTER', 'LAYER', 'STATE', 'STARTED BY', 'PROGRAMS', 'KUBECONFIG'], rows);
}

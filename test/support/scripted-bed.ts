import { onTestFinished } from 'vitest';
import { aVerdict, endedWell } from './cluster-batches.ts';
import { type ClusterScript, ScriptedCluster } from './scripted-cluster.ts';
import { tempDir } from './temp-dir.ts';

/** Uid of the batch where a test plans only one. */
export const UID = 'e0a1b2c3-0000-4000-8000-000000000001';

/** Everything goes well; every verdict is one check of 0.5. */
export const well: ClusterScript = {
  agent: async (_grant, cluster) => ({ report: await endedWell(cluster) }),
  grade: async ({ nonce }) => aVerdict(nonce, { there: 0.5 }),
};

/** A scripted cluster over a folder of its own; both end with the test that runs. */
export async function startScripted(): Promise<ScriptedCluster> {
  const folder = await tempDir();
  onTestFinished(() => folder[Symbol.asyncDispose]());
  const cluster = await ScriptedCluster.start(folder.path);
  onTestFinished(() => cluster[Symbol.asyncDispose]());
  return cluster;
}

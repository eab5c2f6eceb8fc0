import { expect, test } from 'vitest';
import { silentLogger } from '../../src/base/logger.ts';
import { clusterEnvironment } from '../cluster/cluster-environment.ts';
import { readSupervisor } from '../cluster/cluster-record.ts';
import { type OwnedCluster, startLayer } from '../cluster/layers.ts';
import { removeLeftovers } from '../cluster/leftovers.ts';
import { NodeLayer } from '../cluster/node/node-layer.ts';
import type { NodeLayerState } from '../cluster/node/node-state.ts';
import { waitUntil } from '../cluster/wait-until.ts';
import { hostPlaces, remainsOf } from '../support/pods/node-remains.ts';
import { onNode, podSpec, shell } from '../support/pods/pod-manifest.ts';
import { isRunning } from '../support/pods/pod-status.ts';
import { TestNamespace } from '../support/pods/test-namespace.ts';

const { cacheDir, env, uid } = clusterEnvironment();
const { signal } = new AbortController();
const START_MS = 180_000;

interface Busy {
  readonly owned: OwnedCluster;
  readonly state: NodeLayerState;
  readonly folder: string;
  /** Namespace of its pods. */
  readonly namespace: string;
}

/** A cluster of its own, beside the one that the other tests use, with a running pod on each node. */
async function busyCluster(): Promise<Busy> {
  const owned = await startLayer('node', {}, { cacheDir, env, uid, logger: silentLogger, signal });
  try {
    await using layer = new NodeLayer(owned.cluster, { env, signal });
    const space = await TestNamespace.create(layer);
    const volumes = [{ name: 'memory', emptyDir: { medium: 'Memory' } }];
    const volumeMounts = [{ name: 'memory', mountPath: '/memory' }];
    await Promise.all(
      layer.nodes.map(async ({ name }) => {
        const fields = { ...onNode(name), volumes };
        await space.pod(name, podSpec([shell('sleep 3600', { volumeMounts })], fields));
        await space.waitFor(name, isRunning);
      }),
    );
    const folder = owned.cluster.record.stateFolder ?? '';
    return { owned, state: layer.state, folder, namespace: space.name };
  } catch (cause) {
    await owned.stop();
    throw cause;
  }
}

test('a cluster that is ended leaves nothing on the host', { timeout: START_MS }, async () => {
  const before = hostPlaces('no name');
  const { owned, state, folder, namespace } = await busyCluster();
  expect(remainsOf(state, folder).length).toBeGreaterThan(10);
  expect(hostPlaces(namespace)).toEqual(before);
  await owned.stop();
  expect(remainsOf(state, folder)).toEqual([]);
});

test('with its supervisor killed the programs die and the next clean-up takes the rest', {
  timeout: START_MS,
}, async () => {
  const { state, folder } = await busyCluster();
  const supervisor = readSupervisor(folder);
  if (supervisor === undefined) throw new Error(`no supervisor in ${folder}`);
  process.kill(supervisor.pid, 'SIGKILL');
  await waitUntil(() => remainsOf(state, folder).every((line) => !line.startsWith('process')), {
    what: 'the kernel has ended all programs and containers',
    seconds: 30,
  });
  await removeLeftovers(uid, env, silentLogger);
  expect(remainsOf(state, folder)).toEqual([]);
});

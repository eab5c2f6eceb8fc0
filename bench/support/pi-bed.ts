import { join, resolve } from 'node:path';
import { clusterEnvironment } from '../../test/cluster/cluster-environment.ts';
import { NodeLayer } from '../../test/cluster/node/node-layer.ts';
import { ensureImages } from '../../test/support/images.ts';
import { Installation } from '../../test/support/installation.ts';
import { claimLayer } from './cluster.ts';
import { RECORDED_UPSTREAM, startRecordedModel } from './recorded-model-pod.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const RECORDING = join(ROOT, 'examples/recordings/pi.jsonl');
const SAMPLE = join(ROOT, 'deploy/samples/quickstart/example-tasks.yaml');
/** Of each model call: an agent is at work for some seconds, as with a real model. */
const THINK_MS = 4000;

/** A node layer of its own with an installation, the example tasks and a recorded model for pi. */
export interface PiBed extends AsyncDisposable {
  readonly layer: NodeLayer;
  readonly installation: Installation;
}

/** @param name Of the namespace. */
export async function openPiBed(name: string): Promise<PiBed> {
  await using open = new AsyncDisposableStack();
  const owned = open.use(await claimLayer('node'));
  const { signal } = new AbortController();
  const layer = open.use(new NodeLayer(owned.cluster, { env: clusterEnvironment().env, signal }));
  await ensureImages(layer, ['operator', 'server', 'runner', 'agent-pi']);
  const installation = open.use(await Installation.open(owned.cluster, name));
  // A bare pod that is evicted does not come back: it stays where nothing is tainted.
  await startRecordedModel(installation, RECORDING, { thinkMs: THINK_MS, node: 'node-1' });
  await installation.kubectl(['apply', '--server-side', '--filename', SAMPLE]);
  const opened = open.move();
  return { layer, installation, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** Manifest of a batch of pi over the example tasks. */
export function piBatch(
  name: string,
  spec: {
    readonly samples: number;
    readonly parallelism: number;
    readonly taskIds?: readonly string[];
  },
): string {
  const { taskIds, ...rest } = spec;
  const source = { configMap: { name: 'example-tasks', key: 'tasks.jsonl' } };
  return JSON.stringify({
    apiVersion: 'clawgym.io/v1alpha1',
    kind: 'RolloutBatch',
    metadata: { name },
    spec: {
      tasks: { ...source, ...(taskIds !== undefined && { taskIds }) },
      agent: { name: 'pi' },
      model: { name: 'recorded-demo', upstreamSecretRef: { name: RECORDED_UPSTREAM } },
      ...rest,
    },
  });
}

import { join } from 'node:path';
import { silentLogger } from '../../src/base/logger.ts';
import type { Cluster } from '../../test/cluster/cluster.ts';
import { clusterEnvironment } from '../../test/cluster/cluster-environment.ts';
import { ensureTrainerImage } from '../../test/cluster/images/trainer-image.ts';
import { NodeLayer } from '../../test/cluster/node/node-layer.ts';
import { ensureImages } from '../../test/support/images.ts';
import { claimLayer } from './cluster.ts';
import type { trainerPython } from './trainer-python.ts';

export interface TrainerLayer {
  readonly cluster: Cluster;
  readonly layer: NodeLayer;
  readonly environment: ReturnType<typeof clusterEnvironment>;
  readonly signal: AbortSignal;
  /** Of the trainer, by digest. */
  readonly image: string;
}

/** A node layer whose nodes have the images of an installation and that of the trainer; `open` owns it. */
export async function openTrainerLayer(
  open: AsyncDisposableStack,
  { python, path }: Awaited<ReturnType<typeof trainerPython>>,
): Promise<TrainerLayer> {
  const { cluster } = open.use(await claimLayer('node'));
  const { signal } = new AbortController();
  const environment = clusterEnvironment();
  const layer = open.use(new NodeLayer(cluster, { env: environment.env, signal }));
  await ensureImages(layer, ['operator', 'server', 'runner']);
  const host = { ...environment, logger: silentLogger, signal };
  const modules = join(path, 'clawgym_trainer');
  const image = await ensureTrainerImage(layer, { python, modules }, host);
  return { cluster, layer, environment, signal, image };
}

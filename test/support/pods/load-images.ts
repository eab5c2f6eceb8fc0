import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../../src/base/logger.ts';
import { clusterEnvironment } from '../../cluster/cluster-environment.ts';
import { writeImages } from '../../cluster/images/build-images.ts';
import type { ImageName } from '../../cluster/images/image-names.ts';
import type { NodeLayer } from '../../cluster/node/node-layer.ts';

/** Puts images of ours onto every node of the layer; builds what is missing, which takes minutes. */
export async function loadImages(layer: NodeLayer, names: readonly ImageName[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'images-'));
  const { signal } = new AbortController();
  try {
    const path = join(folder, 'images.tar');
    await writeImages(names, path, { ...clusterEnvironment(), logger: silentLogger, signal });
    await layer.importImage(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { stderrLogger } from '../../src/cli/stderr-logger.ts';
import { clusterEnvironment } from '../cluster/cluster-environment.ts';
import { type BuiltImage, layersFolder, withImages } from '../cluster/images/build-images.ts';
import type { ImageHost } from '../cluster/images/image-host.ts';
import { type ImageName, imageReference } from '../cluster/images/image-names.ts';
import { loadOnNode } from '../cluster/images/load-on-node.ts';
import { writeArchive } from '../cluster/images/oci-layout.ts';
import { unpackLayers } from '../cluster/images/unpacked-layers.ts';
import { containerdClient } from '../cluster/node/node.ts';
import type { ClusterNode, NodeLayer } from '../cluster/node/node-layer.ts';
import { runTool } from '../cluster/node/run-tool.ts';

/**
 * Makes these images, as the present files make them, usable on every node of the layer; pods name
 * them `imageReference(name)`. Builds what is not built and loads what a node does not have.
 */
export async function ensureImages(layer: NodeLayer, names: readonly ImageName[]): Promise<void> {
  const say = (line: string): void => void process.stderr.write(`images: ${line}`);
  const { signal } = new AbortController();
  const host = { ...clusterEnvironment(), logger: stderrLogger(say), signal };
  const began = systemClock.monotonic();
  const since = (start: number): string =>
    `${((systemClock.monotonic() - start) / 1000).toFixed(1)} s`;
  const scratch = await mkdtemp(join(layer.cluster.record.stateFolder ?? tmpdir(), 'images-'));
  const archive = join(scratch, 'images.tar');
  try {
    const loaded = await withImages(names, host, async (images, layout) => {
      say(`${names.join(', ')} ready after ${since(began)}\n`);
      const lacks = await Promise.all(images.map((image) => isLacking(layer, image, host)));
      const lacking = images.filter((_, index) => lacks[index]);
      if (lacking.length === 0) return [];
      const layers = layersFolder(host);
      await unpackLayers(lacking, layout, layers, host);
      const references = new Map(lacking.map(({ name, reference }) => [name, reference]));
      await writeArchive(layout, references, archive, host, 'no layers');
      const load = { images: lacking, layout, layers, archive };
      await Promise.all(layer.nodes.map((node) => loadOnNode(node, load)));
      return [...references.keys()];
    });
    if (loaded.length > 0) {
      say(`${loaded.join(', ')} on ${layer.nodes.length} nodes after ${since(began)}\n`);
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Gives images that every node has a second tag, as a registry has them for another release. */
export async function tagImages(
  layer: NodeLayer,
  names: readonly ImageName[],
  tag: string,
): Promise<void> {
  const { env } = clusterEnvironment();
  const { signal } = new AbortController();
  for (const { state } of layer.nodes)
    for (const name of names) {
      const made = ['images', 'tag', '--force', imageReference(name), imageReference(name, tag)];
      await runTool(containerdClient(state, made), { env, signal });
    }
}

/** True where a node has no image of this name, or one of other content. */
async function isLacking(layer: NodeLayer, image: BuiltImage, host: ImageHost): Promise<boolean> {
  const digests = await Promise.all(layer.nodes.map((node) => digestOn(node, image, host)));
  return digests.some((digest) => digest !== image.digest);
}

/** Digest of what a node has under the image's name; undefined where it has nothing. */
async function digestOn(
  node: ClusterNode,
  { reference }: BuiltImage,
  host: ImageHost,
): Promise<string | undefined> {
  const list = containerdClient(node.state, ['images', 'list', `name==${reference}`]);
  const table = await runTool(list, host);
  const line = table.split('\n').find((text) => text.startsWith(`${reference} `));
  return line?.split(/\s+/)[2];
}

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../../../src/base/digest.ts';
import { CONTAINERD_SOCKET, nodePaths } from '../node/node-files.ts';
import type { ClusterNode } from '../node/node-layer.ts';
import { type Blob, blobPath, type LayoutImage } from './oci-layout.ts';
import { layerFiles } from './unpacked-layers.ts';

export interface NodeImages {
  readonly images: readonly LayoutImage[];
  readonly layout: string;
  /** Folder of `unpackLayers`. */
  readonly layers: string;
  /** Tar of the images without their layers. */
  readonly archive: string;
}

/**
 * Gives a node images by links in place of copies: an import of the same images writes each of their
 * gigabytes twice and takes half a minute a node. Blobs are hard links into the layout; a snapshot of
 * a layer, made in containerd's own order, gets a link to the unpacked layer as its folder.
 */
export async function loadOnNode(node: ClusterNode, images: NodeImages): Promise<void> {
  const script = join(node.state.folder, `images-${process.pid}.sh`);
  await writeFile(script, loadScript(nodePaths(node.state.folder).containerd, images));
  await node.run(['bash', script]);
}

function loadScript(root: string, { images, layout, layers, archive }: NodeImages): string {
  const blobs = new Map(
    images.flatMap((image) => [...image.layers, image.config, image]).map((b) => [b.digest, b]),
  );
  return `${functions(root)}
${[...blobs.values()].map((blob) => addBlob(blob, layout)).join('\n')}
${[...new Set(images.flatMap((image) => addSnapshots(image.layers, layers)))].join('\n')}
ctr images import ${archive}
`;
}

function functions(root: string): string {
  return `set -eu
blobs=${root}/io.containerd.content.v1.content/blobs/sha256
mkdir -p "$blobs"
ctr() { command ctr --address ${CONTAINERD_SOCKET} --namespace k8s.io "$@"; }
blob() { # path, digest without its kind, size
  [ -e "$blobs/$2" ] || ln "$1" "$blobs/$2" 2>/dev/null || cp "$1" "$blobs/$2"
  # The blob is there already: nothing is read, it only becomes known in this namespace.
  ctr content ingest --expected-digest "sha256:$2" --expected-size "$3" "images-$2" < "$1"
}
snapshot() { # name, name of the one below, folder
  ! ctr snapshots info "$1" > /dev/null 2>&1 || return 0
  ctr snapshots prepare "images-$1" $2 > /dev/null
  own=$(ctr snapshots mounts /mnt "images-$1" | grep -o '[^ =,:]*/snapshots/[0-9]*/fs' | head -n 1)
  rmdir "$own"
  ln -s "$3" "$own"
  ctr snapshots commit "$1" "images-$1"
  ctr snapshots label "$1" containerd.io/gc.root=images > /dev/null
}`;
}

function addBlob({ digest, bytes }: Blob, layout: string): string {
  return `blob ${join(layout, blobPath(digest))} ${digest.replace('sha256:', '')} ${bytes}`;
}

/** A snapshot's name is a digest over all layers up to its own (image specification: ChainID). */
function addSnapshots(layers: readonly Blob[], folder: string): readonly string[] {
  let below = '';
  return layers.map((layer) => {
    const name = below === '' ? layer.digest : `sha256:${sha256(`${below} ${layer.digest}`)}`;
    const line = `snapshot ${name} "${below}" ${layerFiles(folder, layer)}`;
    below = name;
    return line;
  });
}

import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { type Pack, pack } from 'tar-stream';

/** One entry of an image's only layer; folders that a path needs must be listed before it. */
export type ImageEntry =
  | { readonly kind: 'folder'; readonly path: string; readonly mode?: number }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  | { readonly kind: 'text'; readonly path: string; readonly text: string; readonly mode?: number }
  /** A program or another file of the host. */
  | { readonly kind: 'file'; readonly path: string; readonly source: string };

export interface ImageOptions {
  /** Full name as pods give it, e.g. `localhost/busybox:1`. */
  readonly name: string;
  readonly entries: readonly ImageEntry[];
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly env?: readonly string[];
  /** `uid:gid`; images that `restricted` pods use without runAsUser need a numeric one. */
  readonly user?: string;
}

const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';
const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar';
const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json';
/** One fixed moment, so that equal inputs give an equal image. */
const CREATED = new Date('2026-01-01T00:00:00Z');

/**
 * Writes a one-layer image as the tar of an OCI layout, which `ctr images import` reads. The layer is
 * not compressed: import time is what counts here, and the file never travels.
 */
export async function writeOciImage(output: string, options: ImageOptions): Promise<void> {
  const layer = `${output}.layer`;
  const partial = `${output}.partial`;
  try {
    await writeTar(layer, (archive) => addEntries(archive, options.entries));
    const layerBlob = { digest: await fileDigest(layer), size: (await stat(layer)).size };
    const config = jsonBlob(imageConfig(options, layerBlob.digest));
    const manifest = jsonBlob({
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      config: { mediaType: CONFIG_TYPE, digest: config.digest, size: config.bytes.length },
      layers: [{ mediaType: LAYER_TYPE, ...layerBlob }],
    });
    const index = jsonBlob(layoutIndex(options.name, manifest));
    await writeTar(partial, async (archive) => {
      await addBytes(archive, 'oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
      await addBytes(archive, 'index.json', index.bytes);
      await addBytes(archive, blobPath(config.digest), config.bytes);
      await addBytes(archive, blobPath(manifest.digest), manifest.bytes);
      await addFile(archive, blobPath(layerBlob.digest), layer, 0o644);
    });
    await rename(partial, output);
  } finally {
    await rm(layer, { force: true });
    await rm(partial, { force: true });
  }
}

function layoutIndex(name: string, manifest: Blob): unknown {
  return {
    schemaVersion: 2,
    manifests: [
      {
        mediaType: MANIFEST_TYPE,
        digest: manifest.digest,
        size: manifest.bytes.length,
        platform: platform(),
        annotations: { 'io.containerd.image.name': name },
      },
    ],
  };
}

function imageConfig(options: ImageOptions, layerDigest: string): unknown {
  return {
    ...platform(),
    created: CREATED.toISOString(),
    config: {
      Env: ['PATH=/bin:/usr/bin', ...(options.env ?? [])],
      ...(options.entrypoint === undefined ? {} : { Entrypoint: options.entrypoint }),
      ...(options.command === undefined ? {} : { Cmd: options.command }),
      ...(options.user === undefined ? {} : { User: options.user }),
    },
    rootfs: { type: 'layers', diff_ids: [layerDigest] },
  };
}

/** OCI uses Go's names of architectures. */
function platform(): { readonly os: string; readonly architecture: string } {
  return { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch };
}

interface Blob {
  readonly bytes: Buffer;
  readonly digest: string;
}

function jsonBlob(value: unknown): Blob {
  const bytes = Buffer.from(JSON.stringify(value));
  return { bytes, digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}` };
}

function blobPath(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}

async function fileDigest(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return `sha256:${hash.digest('hex')}`;
}

async function writeTar(path: string, fill: (archive: Pack) => Promise<void>): Promise<void> {
  const archive = pack();
  const written = pipeline(archive, createWriteStream(path));
  const filled = fill(archive).then(() => archive.finalize());
  await Promise.all([written, filled]);
}

async function addEntries(archive: Pack, entries: readonly ImageEntry[]): Promise<void> {
  for (const entry of entries) {
    // One archive is one stream: entries go in one after the other.
    // oxlint-disable-next-line no-await-in-loop
    await addEntry(archive, entry);
  }
}

async function addEntry(archive: Pack, entry: ImageEntry): Promise<void> {
  switch (entry.kind) {
    case 'folder':
      archive.entry({
        name: entry.path,
        type: 'directory',
        mode: entry.mode ?? 0o755,
        mtime: CREATED,
      });
      return;
    case 'link':
      archive.entry({
        name: entry.path,
        type: 'symlink',
        linkname: entry.target,
        mtime: CREATED,
      });
      return;
    case 'text':
      await addBytes(archive, entry.path, Buffer.from(entry.text), entry.mode);
      return;
    case 'file':
      await addFile(archive, entry.path, entry.source, 0o755);
  }
}

async function addBytes(archive: Pack, name: string, bytes: Buffer, mode = 0o644): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    archive.entry({ name, mode, mtime: CREATED }, bytes, (error) =>
      error ? reject(error) : resolve(),
    );
  });
}

async function addFile(archive: Pack, name: string, source: string, mode: number): Promise<void> {
  const { size } = await stat(source);
  const entry = archive.entry({ name, mode, size, mtime: CREATED });
  await pipeline(createReadStream(source), entry);
}

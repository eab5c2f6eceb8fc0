import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { sha256 } from '../../../src/base/digest.ts';
import { withFileLock } from '../file-lock.ts';
import { containerdClient } from '../node/node.ts';
import type { NodeLayer } from '../node/node-layer.ts';
import { runTool } from '../node/run-tool.ts';
import { layersFolder } from './build-images.ts';
import type { ImageHost } from './image-host.ts';
import { loadOnNode } from './load-on-node.ts';
import { type Blob, blobPath, type LayoutImage, writeArchive } from './oci-layout.ts';
import { standInSources } from './stand-ins.ts';
import { layerFiles } from './unpacked-layers.ts';

/** Where things are in the image. */
const PYTHON = '/opt/python';
const PACKAGES = '/opt/trainer';
const MODULES = '/opt/clawgym/trainer';
const NAME = 'trainer';
const REFERENCE = 'localhost/clawgym-trainer';
const TAR_TYPE = 'application/vnd.oci.image.layer.v1.tar';
const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';
const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json';
const LOCK_SECONDS = 900;
const LINK_SECONDS = 300;

export interface TrainerPlaces {
  /** An interpreter whose environment holds the packages, as `ensureTrainerPython` makes it. */
  readonly python: string;
  /** Folder of the package `clawgym_trainer`. */
  readonly modules: string;
}

/**
 * Gives every node an image with the trainer that is installed on this machine, and returns its name by
 * digest. Its gigabytes are hard links: neither packed nor unpacked, so the layer's own tar is a note
 * that names them, and only a node that is given the files (`loadOnNode`) can run it.
 */
export async function ensureTrainerImage(
  layer: NodeLayer,
  places: TrainerPlaces,
  host: ImageHost,
): Promise<string> {
  const layers = layersFolder(host);
  const folder = join(dirname(layers), NAME);
  await mkdir(folder, { recursive: true });
  await mkdir(layers, { recursive: true });
  return await withFileLock(join(folder, 'lock'), LOCK_SECONDS, async () => {
    const { root } = await standInSources(host);
    const interpreter = await interpreterOf(places.python, host);
    const modules = await digestOfFiles(places.modules);
    const venv = dirname(dirname(places.python));
    const { base, version } = interpreter;
    const key = sha256([root.identity, basename(venv), base, version, modules].join('\n'));
    const layout = await mkdtemp(join(folder, 'layout-'));
    try {
      const image = await writeLayout(layout, key, version, host);
      const files = layerFiles(layers, image.layers[0] ?? image);
      if (!existsSync(files)) {
        const { modules: program } = places;
        await linkFiles(files, { root: root.dir, interpreter, venv, modules: program }, host);
      }
      await writeFile(join(dirname(files), 'used'), '');
      const name = `${REFERENCE}@${image.digest}`;
      const archive = join(layout, 'image.tar');
      const references = new Map([[NAME, `${REFERENCE}:${key.slice(0, 12)}`]]);
      await writeArchive(layout, references, archive, host, 'no layers');
      for (const node of layer.nodes) {
        await loadOnNode(node, { images: [image], layout, layers, archive });
        const tag = ['images', 'tag', '--force', `${REFERENCE}:${key.slice(0, 12)}`, name];
        await runTool(containerdClient(node.state, tag), host);
      }
      return name;
    } finally {
      await rm(layout, { recursive: true, force: true });
    }
  });
}

/** What a virtual environment takes from elsewhere. */
interface Interpreter {
  /** Prefix of its installation: `/usr` where it is the system's own. */
  readonly base: string;
  /** Name of its program and of its library's folder, `python3.11`. */
  readonly version: string;
}

async function interpreterOf(python: string, host: ImageHost): Promise<Interpreter> {
  const program =
    'import sys; print(sys.base_prefix); print("python%d.%d" % tuple(sys.version_info[:2]))';
  const [base, version] = (await runTool([python, '-c', program], host)).trim().split('\n');
  if (base === undefined || version === undefined) throw new Error(`${python} named no prefix`);
  return { base, version };
}

async function digestOfFiles(folder: string): Promise<string> {
  const names = (await readdir(folder, { recursive: true })).filter((name) =>
    /\.(py|jinja)$/.test(name),
  );
  const parts = await Promise.all(
    names.toSorted().map(async (name) => `${name} ${sha256(await readFile(join(folder, name)))}`),
  );
  return sha256(parts.join('\n'));
}

async function linkFiles(
  files: string,
  from: {
    readonly root: string;
    readonly interpreter: Interpreter;
    readonly venv: string;
    readonly modules: string;
  },
  host: ImageHost,
): Promise<void> {
  const aside = await mkdtemp(join(dirname(dirname(files)), 'unpacking-'));
  const inside = join(aside, 'fs');
  const script = `set -eu
    cp -al "$1" "$5"
    chmod 755 "$5" "$5/root"
    mkdir -p "$5${dirname(MODULES)}" "$5/run" "$5/tmp"
    mkdir -p "$5${PYTHON}/bin" "$5${PYTHON}/lib"
    cp -al "$2/bin/$6" "$5${PYTHON}/bin/"
    cp -al "$2/lib/$6" "$5${PYTHON}/lib/"
    find "$2/lib" -maxdepth 1 -name 'libpython*' -exec cp -al -t "$5${PYTHON}/lib" {} +
    for name in python python3; do ln -s "$6" "$5${PYTHON}/bin/$name"; done
    cp -al "$3" "$5${PACKAGES}"
    mkdir -p "$5${MODULES}"
    cp -a "$4" "$5${MODULES}/clawgym_trainer"`;
  const { root, interpreter, venv, modules } = from;
  const { base, version } = interpreter;
  const argv = ['bash', '-c', script, 'link', root, base, venv, modules, inside, version] as const;
  try {
    await runTool(argv, { ...host, timeoutSeconds: LINK_SECONDS });
    await rename(aside, dirname(files));
  } catch (thrown) {
    await rm(aside, { recursive: true, force: true });
    throw thrown;
  }
}

/** Manifest, configuration and a layer that is a note, as an OCI layout. */
async function writeLayout(
  layout: string,
  key: string,
  version: Interpreter['version'],
  host: ImageHost,
): Promise<LayoutImage> {
  await mkdir(join(layout, 'blobs', 'sha256'), { recursive: true });
  await writeFile(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  const note = join(layout, 'trainer-key');
  await writeFile(note, `${key}\n`);
  const tar = join(layout, 'note.tar');
  const same = ['--format=ustar', '--owner=0', '--group=0', '--mtime=@0', '--mode=644'];
  await runTool(['tar', ...same, '-cf', tar, '-C', layout, basename(note)], host);
  const layerBlob = await putBlob(layout, await readFile(tar));
  const platform = { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch };
  const python = `${PYTHON}/lib`;
  const config = await putBlob(layout, {
    ...platform,
    config: {
      User: '65534:65534',
      Env: [
        `PATH=${PYTHON}/bin:/usr/local/bin:/usr/bin:/bin`,
        `LD_LIBRARY_PATH=${python}`,
        `PYTHONPATH=${MODULES}:${PACKAGES}/lib/${version}/site-packages`,
        'PYTHONDONTWRITEBYTECODE=1',
      ],
      Entrypoint: [`${PYTHON}/bin/${version}`, '-m', 'clawgym_trainer.sft'],
    },
    rootfs: { type: 'layers', diff_ids: [layerBlob.digest] },
  });
  const manifest = await putBlob(layout, {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: { mediaType: CONFIG_TYPE, digest: config.digest, size: config.bytes },
    layers: [{ mediaType: TAR_TYPE, digest: layerBlob.digest, size: layerBlob.bytes }],
  });
  const annotations = { 'org.opencontainers.image.ref.name': NAME };
  const entry = { mediaType: MANIFEST_TYPE, digest: manifest.digest, size: manifest.bytes };
  const index = { schemaVersion: 2, manifests: [{ ...entry, platform, annotations }] };
  await writeFile(join(layout, 'index.json'), JSON.stringify(index));
  return { ...manifest, config, layers: [layerBlob] };
}

async function putBlob(layout: string, value: Buffer | object): Promise<Blob> {
  const bytes = Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value));
  const digest = `sha256:${sha256(bytes)}`;
  await writeFile(join(layout, blobPath(digest)), bytes);
  return { digest, bytes: bytes.length };
}

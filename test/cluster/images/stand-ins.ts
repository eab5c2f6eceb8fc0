import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { systemClock } from '../../../src/base/clock.ts';
import { sha256 } from '../../../src/base/digest.ts';
import { ClawError } from '../../../src/base/error.ts';
import { findProgram } from '../../../src/engines/local/sandbox/host-command.ts';
import { ensureHostTools } from '../../../src/engines/local/sandbox/host-tools.ts';
import {
  ensureRunnerRoot,
  type RunnerRoot,
} from '../../../src/engines/local/sandbox/runner-root.ts';
import { runTool } from '../node/run-tool.ts';
import type { ImageHost } from './image-host.ts';
import { IMAGE_TIME, type ImageStore } from './image-store.ts';

/** Images of the store that the recipe starts from, in place of those of a registry. */
export interface StandIns {
  readonly debian: string;
  readonly node: string;
}

export interface StandInSources {
  readonly root: RunnerRoot & { readonly dir: string };
  /** Folder of the npm package. */
  readonly npm: string;
  /** Changes when a stand-in changes. */
  readonly key: string;
}

/** Folders of a runner root that hold files; sandboxes may have made mount points beside them. */
const FULL_FOLDERS = ['bin', 'etc', 'lib', 'lib64', 'sbin', 'usr', 'var'];
const EMPTY_FOLDERS = ['boot', 'dev', 'home', 'media', 'mnt', 'opt', 'proc', 'root', 'run', 'srv'];
const RECIPE = join(import.meta.dirname, 'node.Dockerfile');
/** Begin of the name of a scratch folder. */
export const DEBIAN_LAYOUT = 'debian-';
const TAR_SECONDS = 300;
const KEY_LENGTH = 12;

/** Finds, or builds where it is missing, what the stand-ins are made of. */
export async function standInSources(host: ImageHost): Promise<StandInSources> {
  const { mmdebstrap } = await ensureHostTools(host);
  const { cacheDir, env, logger, signal } = host;
  const clock = systemClock;
  const options = { cacheDir, arch: process.arch, mmdebstrap, env, clock, logger, signal };
  const { dir, identity } = await ensureRunnerRoot(options);
  if (dir === undefined) {
    throw new ClawError('MissingTool', 'images need the runner root, which could not be built');
  }
  const command = findProgram('npm', env);
  const npm = command === undefined ? '' : dirname(dirname(await realpath(command)));
  if (!existsSync(join(npm, 'bin', 'npm-cli.js'))) {
    throw new ClawError('MissingTool', 'images need npm, and none was found on the search path');
  }
  const key = sha256([identity, process.version, npm].join('\n')).slice(0, KEY_LENGTH);
  return { root: { dir, identity }, npm, key };
}

/** Puts the stand-ins into the store. */
export async function ensureStandIns(
  store: ImageStore,
  { root, npm, key }: StandInSources,
  folder: string,
  host: ImageHost,
): Promise<StandIns> {
  const debian = `localhost/clawgym-debian:${root.identity.slice(0, KEY_LENGTH)}`;
  const node = `localhost/clawgym-node:${key}`;
  if (!(await store.has(debian))) {
    host.logger.info({}, 'turning the runner root into an image');
    const layout = await mkdtemp(join(folder, DEBIAN_LAYOUT));
    try {
      await writeRootLayout(root.dir, layout, host);
      await store.load(layout, debian);
    } finally {
      await rm(layout, { recursive: true, force: true });
    }
  }
  if (!(await store.has(node))) {
    const contexts = { node: dirname(await realpath(process.execPath)), npm };
    const args = { DEBIAN: debian };
    await store.build({ recipe: RECIPE, context: dirname(RECIPE), tag: node, args, contexts });
  }
  return { debian, node };
}

/**
 * The runner root as an image of one layer. Not built by a recipe, because that would set all
 * modification times to one, and Python finds its compiled modules by them.
 */
async function writeRootLayout(root: string, layout: string, host: ImageHost): Promise<void> {
  const empty = join(layout, 'empty');
  const layer = join(layout, 'layer.tar');
  for (const name of [...EMPTY_FOLDERS, 'tmp']) {
    await mkdir(join(empty, name), { recursive: true });
    await chmod(join(empty, name), name === 'tmp' ? 0o1777 : 0o755);
  }
  const flags = ['--format=gnu', '--numeric-owner', '--sort=name', '-f', layer];
  const tools = { ...host, timeoutSeconds: TAR_SECONDS };
  const full = FULL_FOLDERS.filter((name) => existsSync(join(root, name)));
  await runTool(['tar', '-c', ...flags, '-C', root, ...full], tools);
  const sameAlways = ['--owner=0', '--group=0', `--mtime=@${IMAGE_TIME}`];
  const folders = [...EMPTY_FOLDERS, 'tmp'];
  await runTool(['tar', '-r', ...flags, ...sameAlways, '-C', empty, ...folders], tools);
  await rm(empty, { recursive: true });
  await describeLayer(layout, layer);
}

async function describeLayer(layout: string, layer: string): Promise<void> {
  const blobs = join(layout, 'blobs', 'sha256');
  await mkdir(blobs, { recursive: true });
  const hash = createHash('sha256');
  await pipeline(createReadStream(layer), hash);
  const hex = hash.digest('hex');
  const { size } = await stat(layer);
  await rename(layer, join(blobs, hex));
  const type = (name: string): string => `application/vnd.oci.image.${name}`;
  const add = async (mediaType: string, value: unknown) => {
    const text = JSON.stringify(value);
    const digest = sha256(text);
    await writeFile(join(blobs, digest), text);
    return { mediaType, digest: `sha256:${digest}`, size: Buffer.byteLength(text) };
  };
  const diff = `sha256:${hex}`;
  const created = new Date(IMAGE_TIME * 1000).toISOString();
  const config = await add(type('config.v1+json'), {
    os: 'linux',
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    created,
    config: {},
    rootfs: { type: 'layers', diff_ids: [diff] },
    // buildah counts the layers by it.
    history: [{ created, created_by: 'mmdebstrap' }],
  });
  const layers = [{ mediaType: type('layer.v1.tar'), digest: diff, size }];
  const manifest = await add(type('manifest.v1+json'), { schemaVersion: 2, config, layers });
  const index = { schemaVersion: 2, manifests: [manifest] };
  await writeFile(join(layout, 'index.json'), JSON.stringify(index));
  await writeFile(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
}

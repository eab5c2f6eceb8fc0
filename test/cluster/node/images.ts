import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ClawError } from '../../../src/base/error.ts';
import { runHostCommand } from '../../../src/engines/local/sandbox/host-command.ts';
import { ensurePrograms } from '../binaries.ts';
import type { ClusterHost } from '../cluster-host.ts';
import { withFileLock } from '../file-lock.ts';
import { findGo } from '../go-toolchain.ts';
import { PAUSE_IMAGE } from './node-files.ts';
import { type ImageEntry, type ImageOptions, writeOciImage } from './oci-image.ts';
import { runTool } from './run-tool.ts';

/** A shell and the usual small programs. `wget -T` of this build crashes: use `timeout N wget`. */
export const BUSYBOX_IMAGE = 'localhost/busybox:1';
export const COREDNS_IMAGE = 'localhost/coredns:1';

/** Paths of the tars of the images that every node layer needs. */
export interface BaseImages {
  readonly pause: string;
  readonly busybox: string;
  readonly coredns: string;
}

/** Part of every cache key: change it when an image is made in another way. */
const RECIPE = '2';
const LOCK_SECONDS = 600;
const KEY_LENGTH = 16;
const PAUSE_SOURCE = join(import.meta.dirname, 'pause');
const NOBODY = '65535:65535';

/** The images from the cache; makes them (seconds, and Debian's archive for busybox) where missing. */
export async function ensureBaseImages(host: ClusterHost): Promise<BaseImages> {
  const root = join(host.cacheDir, 'cluster-images');
  await mkdir(root, { recursive: true });
  const { coredns } = await ensurePrograms(['coredns'], host);
  const make = (name: string, key: string, options: (scratch: string) => Promise<ImageOptions>) =>
    ensureImage(root, `${name}-${key}`, options);
  const [pauseTar, busyboxTar, corednsTar] = await Promise.all([
    make('pause', keyOf(readFileSync(join(PAUSE_SOURCE, 'main.go'), 'utf8')), (scratch) =>
      pauseImage(host, scratch),
    ),
    make('busybox', keyOf(process.arch), (scratch) => busyboxImage(host, scratch)),
    make('coredns', keyOf(await realpath(coredns)), () =>
      Promise.resolve(programImage(COREDNS_IMAGE, coredns)),
    ),
  ]);
  return { pause: pauseTar, busybox: busyboxTar, coredns: corednsTar };
}

async function ensureImage(
  root: string,
  name: string,
  options: (scratch: string) => Promise<ImageOptions>,
): Promise<string> {
  const path = join(root, `${name}.tar`);
  if (existsSync(path)) return path;
  return await withFileLock(join(root, `${name}.lock`), LOCK_SECONDS, async () => {
    if (existsSync(path)) return path;
    const scratch = await mkdtemp(join(root, `${name}-`));
    try {
      await writeOciImage(path, await options(scratch));
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
    return path;
  });
}

function keyOf(...parts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of [RECIPE, ...parts]) hash.update(part).update('\0');
  return hash.digest('hex').slice(0, KEY_LENGTH);
}

/** One static program and nothing else. */
function programImage(name: string, source: string): ImageOptions {
  const entries: readonly ImageEntry[] = [{ kind: 'file', path: 'program', source }];
  return { name, entries, entrypoint: ['/program'] };
}

async function pauseImage(host: ClusterHost, scratch: string): Promise<ImageOptions> {
  const { env, signal } = host;
  const go = await findGo(env, PAUSE_SOURCE, signal);
  const program = join(scratch, 'pause');
  const build = ['build', '-trimpath', '-buildvcs=false', '-ldflags=-s -w', '-o', program, '.'];
  await runTool([go.go, '-C', PAUSE_SOURCE, ...build], {
    env: go.env,
    signal,
    timeoutSeconds: LOCK_SECONDS,
  });
  return { ...programImage(PAUSE_IMAGE, program), user: NOBODY };
}

async function busyboxImage(host: ClusterHost, scratch: string): Promise<ImageOptions> {
  await download(host, scratch, ['busybox-static']);
  const root = join(scratch, 'root');
  for (const file of await readdir(scratch)) {
    if (file.endsWith('.deb')) await runTool(['dpkg-deb', '-x', join(scratch, file), root], host);
  }
  const busybox = join(root, 'bin/busybox');
  const { stdout } = await promisify(execFile)(busybox, ['--list']);
  const programs = stdout.split('\n').filter((name) => name !== '' && name !== 'busybox');
  const folders = ['bin', 'etc', 'home', 'root', 'var', 'proc', 'sys', 'dev'];
  return {
    name: BUSYBOX_IMAGE,
    command: ['sh'],
    entries: [
      ...folders.map((path) => ({ kind: 'folder', path }) as const),
      { kind: 'folder', path: 'tmp', mode: 0o1777 },
      { kind: 'file', path: 'bin/busybox', source: busybox },
      ...programs.map(
        (name) => ({ kind: 'link', path: `bin/${name}`, target: 'busybox' }) as const,
      ),
      { kind: 'text', path: 'etc/passwd', text: 'root:x:0:0:root:/root:/bin/sh\n' },
      { kind: 'text', path: 'etc/group', text: 'root:x:0:\n' },
      { kind: 'text', path: 'etc/nsswitch.conf', text: 'hosts: files dns\n' },
    ],
  };
}

async function download(
  { env, signal, logger }: ClusterHost,
  folder: string,
  packages: readonly string[],
): Promise<void> {
  const fetch = ['apt-get', '--quiet', '-o', 'APT::Sandbox::User=root', 'download', ...packages];
  const [program = '', ...args] = fetch;
  const attempt = (): Promise<{ exitCode: number | null; tail: string }> =>
    runHostCommand({
      // apt-get writes into the working directory and has no option for another.
      argv: ['env', '-C', folder, program, ...args],
      env,
      signal,
      timeoutSeconds: LOCK_SECONDS,
    });
  let end = await attempt();
  if (end.exitCode !== 0) {
    logger.info({}, 'the list of Debian packages is missing or old: apt-get update');
    await runTool(['apt-get', '--quiet', 'update'], { env, signal, timeoutSeconds: LOCK_SECONDS });
    end = await attempt();
  }
  if (end.exitCode === 0) return;
  throw new ClawError(
    'MissingTool',
    `${fetch.join(' ')} failed; the image of the node layer's tests is made of it, so a Debian-like host with its archive in reach is needed:\n${end.tail}`,
  );
}

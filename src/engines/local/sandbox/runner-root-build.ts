import {
  appendFile,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../base/clock.ts';
import { ClawError } from '../../../base/error.ts';
import type { Logger } from '../../../base/logger.ts';
import { markIsDead, ownProcessMark } from '../../../store/process-mark.ts';
import { INSIDE_UID } from './bwrap-args.ts';
import { type HostEnv, runHostCommand } from './host-command.ts';
import {
  installedPackages,
  mmdebstrapArgs,
  type RunnerRootRecipe,
  rootIdentity,
} from './runner-root-recipe.ts';

export interface RunnerRootBuild {
  readonly recipe: RunnerRootRecipe;
  /** Folder that appears when all is done: `root/` and `manifest.json`. */
  readonly target: string;
  /** Where it is built, on the same file system. */
  readonly parent: string;
  readonly mmdebstrap: string;
  readonly env: HostEnv;
  readonly mirror?: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const PREFIX = 'building~';
const BUILD_SECONDS = 1200;
const EXTRACT_SECONDS = 300;

/** Builds a runner root aside and publishes it by one rename. */
export async function buildRunnerRoot(build: RunnerRootBuild): Promise<void> {
  const started = build.clock.monotonic();
  const work = join(build.parent, `${PREFIX}${ownProcessMark()}`);
  const [tar, done] = [join(work, 'root.tar'), join(work, 'done')];
  const root = join(done, 'root');
  try {
    await rm(work, { recursive: true, force: true });
    await mkdir(root, { recursive: true, mode: 0o755 });
    build.logger.info({}, 'building the runner root (once, about a minute)');
    const mode = process.getuid?.() === 0 ? 'root' : 'unshare';
    const args = mmdebstrapArgs(build.recipe, tar, build.mirror, mode);
    await step(build, [build.mmdebstrap, ...args], BUILD_SECONDS);
    await step(build, ['tar', '-xf', tar, '-C', root, '--exclude=./dev/*'], EXTRACT_SECONDS);
    await nameSandboxUser(root);
    await forgetHost(root);
    await writeManifest(build.recipe, root, join(done, 'manifest.json'));
    await publish(done, build.target);
    const seconds = Math.round((build.clock.monotonic() - started) / 1000);
    build.logger.info({ seconds, folder: build.target }, 'the runner root is built');
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Removes what builds of dead processes left behind. */
export async function sweepBuilds(parent: string): Promise<void> {
  const names = (await readdir(parent)).filter(
    (name) => name.startsWith(PREFIX) && markIsDead(name.slice(PREFIX.length)),
  );
  for (const name of names) await rm(join(parent, name), { recursive: true, force: true });
}

async function step(
  build: RunnerRootBuild,
  argv: readonly [string, ...string[]],
  timeoutSeconds: number,
): Promise<void> {
  const { env, signal, logger } = build;
  const onLine = (line: string) => {
    // mmdebstrap marks its own progress with "I: "; apt's and dpkg's lines are noise.
    if (line.startsWith('I: ')) logger.info({}, `runner root: ${line.slice(3)}`);
  };
  const end = await runHostCommand({ argv, env, timeoutSeconds, signal, onLine });
  if (end.exitCode === 0) return;
  throw new ClawError(
    'SandboxFailed',
    `${argv[0]} failed with exit code ${end.exitCode}: ${end.tail.trim().slice(-1500)}`,
    { retryable: true },
  );
}

/** So that `whoami`, getpwuid and the like answer inside. */
async function nameSandboxUser(root: string): Promise<void> {
  const account = `agent:x:${INSIDE_UID}:${INSIDE_UID}:agent:/tmp/home:/bin/bash\n`;
  await appendFile(join(root, 'etc/passwd'), account);
  await appendFile(join(root, 'etc/group'), `agent:x:${INSIDE_UID}:\n`);
}

/** mmdebstrap copies the host's name and resolver, and its sources name the mirror. */
async function forgetHost(root: string): Promise<void> {
  const forgotten = ['resolv.conf', 'machine-id', 'apt/sources.list', 'apt/sources.list.d'];
  for (const name of forgotten) {
    await rm(join(root, 'etc', name), { recursive: true, force: true });
  }
  await writeFile(join(root, 'etc/hostname'), 'sandbox\n');
  await writeFile(join(root, 'etc/hosts'), '127.0.0.1 localhost sandbox\n');
}

async function writeManifest(recipe: RunnerRootRecipe, root: string, path: string): Promise<void> {
  const status = await readFile(join(root, 'var/lib/dpkg/status'), 'utf8');
  const packages = installedPackages(status);
  const identity = rootIdentity(recipe, packages);
  await writeFile(path, JSON.stringify({ identity, recipe, packages }, undefined, 2));
}

async function publish(from: string, target: string): Promise<void> {
  try {
    await rename(from, target);
  } catch (cause) {
    // Somebody else was first: theirs is as good.
    if (await stat(join(target, 'manifest.json')).catch(() => undefined)) return;
    throw cause;
  }
}

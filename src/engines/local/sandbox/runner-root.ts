import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../../base/brand.ts';
import type { Clock } from '../../../base/clock.ts';
import { ClawError, errorMessage } from '../../../base/error.ts';
import type { Logger } from '../../../base/logger.ts';
import { takeFileLock } from '../../../store/file-lock.ts';
import type { HostEnv } from './host-command.ts';
import { installHint } from './host-tools.ts';
import { buildRunnerRoot, sweepBuilds } from './runner-root-build.ts';
import { type RunnerRootRecipe, recipeDigest, runnerRootRecipe } from './runner-root-recipe.ts';

/** The root file system of sandboxes (design: rollouts.md 1). */
export interface RunnerRoot {
  /** Folder on the host; undefined: the host's own programs, the marked fallback. */
  readonly dir: string | undefined;
  /** Digest over recipe and installed packages, or "host". */
  readonly identity: string;
}

export const HOST_ROOT: RunnerRoot = { dir: undefined, identity: 'host' };

export interface RunnerRootOptions {
  readonly cacheDir: string;
  /** `process.arch`. */
  readonly arch: string;
  /** mmdebstrap's path; undefined: it is not installed. */
  readonly mmdebstrap: string | undefined;
  readonly env: HostEnv;
  /** Package mirror; default: mmdebstrap's own. */
  readonly mirror?: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const WAIT_SECONDS = 1200;

/**
 * The runner root of this release, built on first use and cached by the recipe's digest. Where it
 * cannot be built, the host's own programs are the fallback, with a warning that says why.
 */
export async function ensureRunnerRoot(options: RunnerRootOptions): Promise<RunnerRoot> {
  const recipe = runnerRootRecipe(options.arch);
  const cached = await readRunnerRoot(options.cacheDir, recipe);
  if (cached !== undefined) return cached;
  try {
    if (options.mmdebstrap === undefined) {
      throw new ClawError('MissingTool', `mmdebstrap is missing. ${installHint(['mmdebstrap'])}`);
    }
    return await buildOnce(recipe, options.mmdebstrap, options);
  } catch (cause) {
    if (options.signal.aborted) throw cause;
    return hostFallback(errorMessage(cause), options.logger);
  }
}

/** The cached runner root, if there is one. */
export async function findRunnerRoot(
  cacheDir: string,
  arch: string,
): Promise<RunnerRoot | undefined> {
  return await readRunnerRoot(cacheDir, runnerRootRecipe(arch));
}

async function buildOnce(
  recipe: RunnerRootRecipe,
  mmdebstrap: string,
  options: RunnerRootOptions,
): Promise<RunnerRoot> {
  const parent = join(options.cacheDir, 'runner-root');
  await mkdir(parent, { recursive: true, mode: 0o755 });
  const target = join(parent, recipeDigest(recipe));
  const isDone = async () => (await readRunnerRoot(options.cacheDir, recipe)) !== undefined;
  await using lock = await takeFileLock({
    path: `${target}.lock`,
    clock: options.clock,
    signal: options.signal,
    timeoutSeconds: WAIT_SECONDS,
    isDone,
    onWait: () => options.logger.info({}, 'another process builds the runner root; waiting for it'),
  });
  if (lock !== undefined && !(await isDone())) {
    await sweepBuilds(parent);
    await buildRunnerRoot({ ...options, recipe, target, parent, mmdebstrap });
  }
  const root = await readRunnerRoot(options.cacheDir, recipe);
  if (root === undefined)
    throw new ClawError('Internal', `no runner root at ${target} after a build`);
  return root;
}

const zManifest = z.object({ identity: z.string() });

async function readRunnerRoot(
  cacheDir: string,
  recipe: RunnerRootRecipe,
): Promise<RunnerRoot | undefined> {
  const folder = join(cacheDir, 'runner-root', recipeDigest(recipe));
  const text = await readFile(join(folder, 'manifest.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  return { dir: join(folder, 'root'), identity: zManifest.parse(parseJson(text)).identity };
}

const FALLBACK_NEEDS = { '/usr/bin/python3': 'python3', '/usr/bin/prlimit': 'util-linux' } as const;

function hostFallback(reason: string, logger: Logger): RunnerRoot {
  logger.warn(
    { reason },
    'the runner root cannot be built; sandboxes use the programs of this host, and results say so',
  );
  const missing = Object.entries(FALLBACK_NEEDS).filter(([path]) => !existsSync(path));
  if (missing.length === 0) return HOST_ROOT;
  const [paths, packages] = [missing.map(([path]) => path), missing.map(([, name]) => name)];
  throw new ClawError(
    'MissingTool',
    `neither a runner root (${reason}) nor ${paths.join(', ')} on this host. ${installHint(packages)}`,
  );
}

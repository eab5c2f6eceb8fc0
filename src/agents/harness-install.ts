import { randomUUID } from 'node:crypto';
import { cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { parseJson } from '../base/brand.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { ClawError, errorMessage } from '../base/error.ts';
import { takeFileLock } from '../store/file-lock.ts';
import type { AgentPrepareContext } from './agent.ts';
import { type AgentHost, configDigest } from './agent-host.ts';
import { runInstaller } from './run-installer.ts';

/** A harness that lives on npm, pinned by the lockfile in `harnesses/<name>`. */
export interface HarnessRecipe {
  readonly name: string;
  /** The package whose version is the harness's. */
  readonly package: string;
  /** Raised when the steps of an installation change, so that older ones are not reused. */
  readonly recipeVersion: number;
  /** Programs to run with the running Node after `npm ci`, each in a folder of the installation. */
  readonly afterInstall: readonly { readonly folder: string; readonly script: string }[];
}

/** What the lockfile pins, installed or not. */
export interface LockedHarness {
  readonly version: string;
  /** Identity of the installed bytes: lockfile and recipe. */
  readonly installDigest: string;
}

export interface InstalledHarness extends LockedHarness {
  /** The folder that holds `node_modules`. */
  readonly dir: string;
}

export interface HarnessInstallOptions {
  /** Folder with `<name>/package.json` and `<name>/package-lock.json`; tests give their own. */
  readonly sourceDir?: string;
  readonly clock?: Clock;
}

const HARNESSES_DIR = fileURLToPath(new URL('./harnesses', import.meta.url));

/** Version and digest of a harness as its lockfile pins it. */
export async function lockedHarness(
  recipe: HarnessRecipe,
  options: HarnessInstallOptions = {},
): Promise<LockedHarness> {
  const lockfile = await readFile(join(sourceOf(recipe, options), 'package-lock.json'), 'utf8');
  return {
    version: lockedVersion(lockfile, recipe),
    installDigest: configDigest({ lockfile, recipe, npmCi: NPM_CI }),
  };
}

function sourceOf(recipe: HarnessRecipe, { sourceDir }: HarnessInstallOptions): string {
  return join(sourceDir ?? HARNESSES_DIR, recipe.name);
}

const COMPLETE_MARK = 'clawgym-installed.json';
const NPM_CI = ['ci', '--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund'];
const INSTALL_SECONDS = 600;
/** Longer than an installation may take. */
const LOCK_SECONDS = 700;

/**
 * Installs a harness once per lockfile and recipe and returns the same folder ever after, without
 * network. Built in a folder beside it and published by a rename: a reader never sees half of it.
 * Throws `AgentSetupFailed` with the installer's last words.
 */
export async function installHarness(
  recipe: HarnessRecipe,
  host: AgentHost,
  context: AgentPrepareContext,
  options: HarnessInstallOptions = {},
): Promise<InstalledHarness> {
  const source = sourceOf(recipe, options);
  const locked = await lockedHarness(recipe, options);
  const agents = join(context.cacheDir, 'agents');
  const dir = join(agents, `${recipe.name}-${locked.installDigest.slice(0, 16)}`);
  const installed = { dir, ...locked };
  if (await isComplete(dir)) return installed;
  await mkdir(agents, { recursive: true });
  const clock = options.clock ?? systemClock;
  await using lock = await takeFileLock({
    path: `${dir}.lock`,
    clock,
    signal: context.signal,
    timeoutSeconds: LOCK_SECONDS,
    isDone: () => isComplete(dir),
    onWait: () => context.logger.info({ dir }, 'waiting for another installation of this harness'),
  });
  if (lock === undefined || (await isComplete(dir))) return installed;
  await installAt(installed, source, recipe, host, context, clock);
  return installed;
}

async function installAt(
  installed: InstalledHarness,
  source: string,
  recipe: HarnessRecipe,
  host: AgentHost,
  context: AgentPrepareContext,
  clock: Clock,
): Promise<void> {
  const { logger } = context;
  const { dir, version } = installed;
  const label = `${recipe.name} ${version}`;
  const staging = `${dir}.${randomUUID()}.tmp`;
  const started = clock.monotonic();
  logger.info(
    { harness: recipe.name, dir },
    `installing ${label} (first use; about half a minute)`,
  );
  try {
    await mkdir(staging);
    for (const file of ['package.json', 'package-lock.json']) {
      await cp(join(source, file), join(staging, file));
    }
    await runSteps(recipe, staging, host, context);
    await writeFile(join(staging, COMPLETE_MARK), `${JSON.stringify({ label })}\n`);
    await publish(staging, dir);
  } catch (error) {
    if (context.signal.aborted) throw context.signal.reason;
    throw new ClawError(
      'AgentSetupFailed',
      `cannot install the harness ${label} with npm: ${errorMessage(error)}; it needs npm and, once, a package registry`,
      { cause: error, retryable: true },
    );
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  const seconds = Math.round((clock.monotonic() - started) / 100) / 10;
  logger.info({ harness: recipe.name, seconds }, `installed ${label}`);
}

async function runSteps(
  recipe: HarnessRecipe,
  staging: string,
  host: AgentHost,
  { signal }: AgentPrepareContext,
): Promise<void> {
  const deadline = AbortSignal.timeout(INSTALL_SECONDS * 1000);
  const shared = { env: host.env, signal: AbortSignal.any([signal, deadline]) };
  await runInstaller({ ...shared, argv: ['npm', ...NPM_CI], cwd: staging });
  for (const step of recipe.afterInstall) {
    const cwd = join(staging, step.folder);
    await runInstaller({ ...shared, argv: [host.nodePath, step.script], cwd });
  }
}

/** Another process may have published first: then its copy is the one to use. */
async function publish(staging: string, dir: string): Promise<void> {
  try {
    await rename(staging, dir);
  } catch (error) {
    if (await isComplete(dir)) return;
    // A folder without its mark is a leftover of something else than this program: replace it.
    await rm(dir, { recursive: true, force: true });
    await rename(staging, dir).catch(() => Promise.reject(error));
  }
}

async function isComplete(dir: string): Promise<boolean> {
  try {
    await readFile(join(dir, COMPLETE_MARK));
    return true;
  } catch {
    return false;
  }
}

const zLockfile = z.object({
  packages: z.record(z.string(), z.object({ version: z.string().optional() })),
});

function lockedVersion(lockfile: string, recipe: HarnessRecipe): string {
  const parsed = zLockfile.safeParse(parseJson(lockfile));
  const version = parsed.data?.packages[`node_modules/${recipe.package}`]?.version;
  if (version !== undefined) return version;
  throw new ClawError(
    'AgentSetupFailed',
    `the lockfile of harness ${recipe.name} pins no ${recipe.package}`,
  );
}

import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { parseJson } from '../base/brand.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { ClawError, errorMessage } from '../base/error.ts';
import type { AgentPrepareContext } from './agent.ts';
import { type AgentHost, configDigest } from './agent-host.ts';
import { type Installation, installOnce } from './install-once.ts';
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

const NPM_CI = ['ci', '--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund'];
const INSTALL_SECONDS = 600;

/**
 * Installs a harness once per lockfile and recipe and returns the same folder ever after, without
 * network. Throws `AgentSetupFailed` with the installer's last words.
 */
export async function installHarness(
  recipe: HarnessRecipe,
  host: AgentHost,
  { cacheDir, logger, signal }: AgentPrepareContext,
  options: HarnessInstallOptions = {},
): Promise<InstalledHarness> {
  const source = sourceOf(recipe, options);
  const locked = await lockedHarness(recipe, options);
  const dir = join(cacheDir, 'agents', `${recipe.name}-${locked.installDigest.slice(0, 16)}`);
  const label = `${recipe.name} ${locked.version}`;
  const wanted: Installation = {
    ...{ dir, label, cost: 'about half a minute', seconds: INSTALL_SECONDS },
    build: async (folder, stop) => {
      for (const file of ['package.json', 'package-lock.json']) {
        await cp(join(source, file), join(folder, file));
      }
      await runSteps(recipe, folder, host, stop);
    },
    failure: (cause) =>
      new ClawError(
        'AgentSetupFailed',
        `cannot install the harness ${label} with npm: ${errorMessage(cause)}; it needs npm and, once, a package registry`,
        { cause, retryable: true },
      ),
  };
  await installOnce(wanted, { clock: options.clock ?? systemClock, logger, signal });
  return { dir, ...locked };
}

async function runSteps(
  recipe: HarnessRecipe,
  folder: string,
  host: AgentHost,
  signal: AbortSignal,
): Promise<void> {
  const shared = { env: host.env, signal };
  await runInstaller({ ...shared, argv: ['npm', ...NPM_CI], cwd: folder });
  for (const step of recipe.afterInstall) {
    const cwd = join(folder, step.folder);
    await runInstaller({ ...shared, argv: [host.nodePath, step.script], cwd });
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

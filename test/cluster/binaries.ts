import { createHash } from 'node:crypto';
import { accessSync, constants, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ClawError } from '../../src/base/error.ts';
import type { Logger } from '../../src/base/logger.ts';
import { runHostCommand } from '../../src/engines/local/sandbox/host-command.ts';
import type { HostEnv } from './cluster-host.ts';
import { withFileLock } from './file-lock.ts';
import { type GoModule, type KubernetesRelease, moduleOf, type ProgramName } from './go-modules.ts';
import { findGo, type GoToolchain } from './go-toolchain.ts';

export interface BinariesOptions {
  readonly cacheDir: string;
  readonly env: HostEnv;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly release?: KubernetesRelease;
}

const MODULES = join(import.meta.dirname, 'modules');
const BUILD_SECONDS = 3600;
const PROGRESS_MS = 30_000;
const KEY_LENGTH = 16;
const SCRATCH = '-build-';

/**
 * Paths of the named programs. Each comes from the folder in KUBEBUILDER_ASSETS where it is there
 * (never for the floor release), else from the cache, and is built into the cache where it is not.
 * Two processes never build the same module at once. Fails with `MissingTool` without a usable Go.
 */
export async function ensurePrograms<N extends ProgramName>(
  names: readonly N[],
  options: BinariesOptions,
): Promise<Readonly<Record<N, string>>> {
  const paths = new Map<ProgramName, string>();
  const byModule = new Map<GoModule, N[]>();
  for (const name of names) {
    const given = fromAssets(name, options);
    if (given !== undefined) paths.set(name, given);
    else {
      const goModule = moduleOf(name, options.release ?? 'current');
      byModule.set(goModule, [...(byModule.get(goModule) ?? []), name]);
    }
  }
  for (const [goModule, wanted] of byModule) {
    const folder = await ensureModule(goModule, wanted, options);
    for (const name of wanted) paths.set(name, join(folder, name));
  }
  return allOf(names, paths);
}

function allOf<N extends ProgramName>(
  names: readonly N[],
  paths: ReadonlyMap<ProgramName, string>,
): Readonly<Record<N, string>>;
function allOf(
  names: readonly ProgramName[],
  paths: ReadonlyMap<ProgramName, string>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(names.map((name) => [name, paths.get(name) ?? name]));
}

function fromAssets(name: string, { env, release }: BinariesOptions): string | undefined {
  const assets = env['KUBEBUILDER_ASSETS'] ?? '';
  if (assets === '' || release === 'floor') return undefined;
  const path = join(assets, name);
  return isExecutable(path) ? path : undefined;
}

/** The cache folder of a module with the wanted programs in it. */
async function ensureModule(
  goModule: GoModule,
  wanted: readonly ProgramName[],
  options: BinariesOptions,
): Promise<string> {
  const source = join(MODULES, goModule.folder);
  const go = await findGo(options.env, source, options.signal);
  const root = join(options.cacheDir, 'cluster-programs');
  const folder = join(root, `${goModule.folder}-${key(source, go.version)}`);
  const missing = (): ProgramName[] => wanted.filter((name) => !isExecutable(join(folder, name)));
  if (missing().length === 0) return folder;
  await mkdir(folder, { recursive: true });
  await withFileLock(join(root, `${goModule.folder}.lock`), BUILD_SECONDS, async () => {
    const names = missing();
    if (names.length > 0) await build({ goModule, names, source, folder, go, options });
  });
  return folder;
}

interface Build {
  readonly goModule: GoModule;
  readonly names: readonly ProgramName[];
  readonly source: string;
  readonly folder: string;
  readonly go: GoToolchain;
  readonly options: BinariesOptions;
}

async function build(job: Build): Promise<void> {
  const { names, folder, options } = job;
  // Only a killed build leaves one, and the lock says that none runs now.
  await removeScratch(folder);
  const scratch = await mkdtemp(`${folder}${SCRATCH}`);
  try {
    await compile(job, scratch);
    for (const name of names) await rename(join(scratch, name), join(folder, name));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  options.logger.info({}, `built ${names.join(', ')}`);
}

async function compile(
  { goModule, names, source, go, options }: Build,
  into: string,
): Promise<void> {
  const { logger, signal } = options;
  const version = pinnedVersion(goModule, source);
  const what = `${names.join(', ')} ${version}`;
  logger.info({}, `building ${what}: minutes the first time, from the Go module proxy`);
  const began = performance.now();
  const progress = setInterval(() => {
    const seconds = Math.round((performance.now() - began) / 1000);
    logger.info({}, `still building ${what} (${seconds} s)`);
  }, PROGRESS_MS);
  try {
    const packages = names.map((name) => goModule.programs[name] ?? name);
    const argv = [
      ...['build', '-trimpath', '-buildvcs=false', linkerFlags(goModule, version)],
      ...['-o', `${into}/`, ...packages],
    ];
    const end = await runHostCommand({
      argv: ['setpriv', '--pdeathsig', 'KILL', '--', go.go, '-C', source, ...argv],
      env: go.env,
      timeoutSeconds: BUILD_SECONDS,
      signal,
    });
    if (end.exitCode === 0) return;
    throw new ClawError('ClusterFailed', `go build of ${what} in ${source} failed:\n${end.tail}`);
  } finally {
    clearInterval(progress);
  }
}

function linkerFlags(goModule: GoModule, version: string): string {
  const variables = Object.entries(goModule.variables?.(version) ?? {});
  const flags = variables.map(([variable, value]) => `-X ${variable}=${value}`);
  return `-ldflags=${['-s', '-w', ...flags].join(' ')}`;
}

async function removeScratch(folder: string): Promise<void> {
  const parent = dirname(folder);
  const left = (await readdir(parent)).filter((name) =>
    name.startsWith(`${basename(folder)}${SCRATCH}`),
  );
  for (const name of left) await rm(join(parent, name), { recursive: true, force: true });
}

/** What go.mod pins; the one place where a version stands. */
function pinnedVersion({ dependency }: GoModule, source: string): string {
  const lines = readFileSync(join(source, 'go.mod'), 'utf8').split('\n');
  const line = lines.find((text) =>
    text
      .replace(/^require\s+/, '')
      .trim()
      .startsWith(`${dependency} `),
  );
  return (
    line
      ?.trim()
      .split(' ')
      .find((word) => /^v\d/.test(word)) ?? ''
  );
}

function key(source: string, goVersion: string): string {
  const hash = createHash('sha256').update(goVersion);
  for (const file of readdirSync(source).toSorted()) hash.update(readFileSync(join(source, file)));
  return hash.digest('hex').slice(0, KEY_LENGTH);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runInstaller } from '../agents/run-installer.ts';
import type { Clock } from '../base/clock.ts';
import { sha256 } from '../base/digest.ts';
import { ClawError, errorMessage } from '../base/error.ts';
import type { Logger } from '../base/logger.ts';
import { takeFileLock } from '../store/file-lock.ts';
import { findHostPython, type HostPython } from './trainer-python.ts';

/** Folder of the package `clawgym_trainer`: PYTHONPATH of every process that runs a part of it. */
export const TRAINER_DIR = fileURLToPath(new URL('../../trainer', import.meta.url));

export interface TrainerInstallOptions {
  /** The project's cache; the environment is made below it, 4 GB for each set of pins. */
  readonly cacheDir: string;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Of this process: search path, proxies, settings of pip. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The pins; tests give their own. */
  readonly requirements?: string;
}

const REQUIREMENTS = join(TRAINER_DIR, 'requirements-cpu.txt');
/** Raised when the steps of an installation change, so that older ones are not reused. */
const RECIPE = 1;
const COMPLETE_MARK = 'clawgym-installed.json';
/** Two gigabytes to download and four to unpack. */
const INSTALL_SECONDS = 2400;
const LOCK_SECONDS = 2500;
/** The file names every package, so nothing is resolved; nothing is built on this host either. */
const PIP = [
  'install',
  '--no-deps',
  '--only-binary',
  ':all:',
  '--no-input',
  '--no-cache-dir',
  '-q',
];

/**
 * The Python that trains and serves: a virtual environment with the pinned packages, made once for
 * each set of pins and version of Python, without network ever after. Built beside its place and
 * published by a rename: nobody ever starts half of one. Throws `MissingTool` without a Python,
 * `TrainingFailed` with pip's last words.
 */
export async function ensureTrainerPython(options: TrainerInstallOptions): Promise<string> {
  const { cacheDir, logger, signal, clock, env } = options;
  const requirements = options.requirements ?? REQUIREMENTS;
  const pins = await readFile(requirements, 'utf8');
  const host = await findHostPython(env, signal);
  const digest = sha256(JSON.stringify({ pins, python: host.version, recipe: RECIPE }));
  const dir = join(cacheDir, 'trainer', digest.slice(0, 16));
  const python = join(dir, 'bin', 'python');
  if (await isComplete(dir)) return python;
  await mkdir(join(cacheDir, 'trainer'), { recursive: true });
  await using lock = await takeFileLock({
    path: `${dir}.lock`,
    clock,
    signal,
    timeoutSeconds: LOCK_SECONDS,
    isDone: () => isComplete(dir),
    onWait: () => logger.info({ dir }, "waiting for another installation of the trainer's Python"),
  });
  if (lock === undefined || (await isComplete(dir))) return python;
  await install(dir, requirements, host, options);
  return python;
}

async function install(
  dir: string,
  requirements: string,
  host: HostPython,
  { logger, signal, clock, env }: TrainerInstallOptions,
): Promise<void> {
  const started = clock.monotonic();
  const staging = `${dir}.${randomUUID()}.tmp`;
  const deadline = AbortSignal.timeout(INSTALL_SECONDS * 1000);
  const shared = { env, signal: AbortSignal.any([signal, deadline]) };
  const python = join(staging, 'bin', 'python');
  logger.info(
    { dir },
    "installing the trainer's Python (first use; 2 GB to download, some minutes)",
  );
  try {
    await mkdir(staging);
    const cwd = staging;
    await runInstaller({ ...shared, argv: [host.command, '-m', 'venv', staging], cwd });
    await runInstaller({ ...shared, argv: [python, '-m', 'pip', ...PIP, '-r', requirements], cwd });
    await writeFile(join(staging, COMPLETE_MARK), `${JSON.stringify({ python: host.version })}\n`);
    // Under the lock: what stands there without its mark is a leftover.
    await rm(dir, { recursive: true, force: true });
    await rename(staging, dir);
  } catch (cause) {
    signal.throwIfAborted();
    throw new ClawError(
      'TrainingFailed',
      `cannot install the trainer's Python: ${errorMessage(cause)}; it needs pip and, once, a package registry and 7 GB of disk. CLAWGYM_TRAINER_PYTHON names an interpreter that has the packages of trainer/requirements-cpu.txt already`,
      { cause, retryable: true },
    );
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  const seconds = Math.round((clock.monotonic() - started) / 1000);
  logger.info({ dir, seconds }, "installed the trainer's Python");
}

async function isComplete(dir: string): Promise<boolean> {
  try {
    await readFile(join(dir, COMPLETE_MARK));
    return true;
  } catch {
    return false;
  }
}

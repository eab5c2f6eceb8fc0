import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Installation, installOnce } from '../agents/install-once.ts';
import { runInstaller } from '../agents/run-installer.ts';
import type { Clock } from '../base/clock.ts';
import { sha256 } from '../base/digest.ts';
import { ClawError, errorMessage } from '../base/error.ts';
import type { Logger } from '../base/logger.ts';
import { findHostPython } from './trainer-python.ts';

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
/** Two gigabytes to download and four to unpack. */
const INSTALL_SECONDS = 2400;
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
 * each set of pins and version of Python, without network ever after. Throws `MissingTool` without a
 * Python, `TrainingFailed` with pip's last words.
 */
export async function ensureTrainerPython(options: TrainerInstallOptions): Promise<string> {
  const { cacheDir, signal, env } = options;
  const requirements = options.requirements ?? REQUIREMENTS;
  const pins = await readFile(requirements, 'utf8');
  const host = await findHostPython(env, signal);
  const digest = sha256(JSON.stringify({ pins, python: host.version, recipe: RECIPE }));
  const dir = join(cacheDir, 'trainer', digest.slice(0, 16));
  const wanted: Installation = {
    ...{ dir, label: "the trainer's Python", seconds: INSTALL_SECONDS },
    cost: '2 GB to download, some minutes',
    build: async (folder, stop) => {
      const shared = { env, signal: stop, cwd: folder };
      await runInstaller({ ...shared, argv: [host.command, '-m', 'venv', folder] });
      const pip = [pythonIn(folder), '-m', 'pip', ...PIP, '-r', requirements];
      await runInstaller({ ...shared, argv: pip });
    },
    failure: (cause) =>
      new ClawError(
        'TrainingFailed',
        `cannot install the trainer's Python: ${errorMessage(cause)}; it needs pip and, once, a package registry and 7 GB of disk. CLAWGYM_TRAINER_PYTHON names an interpreter that has the packages of trainer/requirements-cpu.txt already`,
        { cause, retryable: true },
      ),
  };
  await installOnce(wanted, options);
  return pythonIn(dir);
}

const pythonIn = (folder: string): string => join(folder, 'bin', 'python');

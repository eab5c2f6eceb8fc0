import { systemClock } from '../../src/base/clock.ts';
import { cliEnvironment } from '../../src/cli/environment.ts';
import { stderrLogger } from '../../src/cli/stderr-logger.ts';
import { ensureTrainerPython, TRAINER_DIR } from '../../src/training/trainer-install.ts';

/** An interpreter with the trainer's libraries, installed where it is missing, and where its modules are. */
export async function trainerPython(): Promise<{ readonly python: string; readonly path: string }> {
  const { trainerPython: named, cacheDir, env } = cliEnvironment();
  const logger = stderrLogger((line) => void process.stderr.write(line));
  const signal = new AbortController().signal;
  const python =
    named ?? (await ensureTrainerPython({ cacheDir, env, logger, signal, clock: systemClock }));
  return { python, path: TRAINER_DIR };
}

import { spawn } from 'node:child_process';
import { systemClock } from '../src/base/clock.ts';
import { cliEnvironment } from '../src/cli/environment.ts';
import { stderrLogger } from '../src/cli/stderr-logger.ts';
import { ensureTrainerPython, TRAINER_DIR } from '../src/training/trainer-install.ts';

/**
 * `npm run trainer -- ARGUMENT...`: makes the trainer's Python where it is not there yet and runs it
 * with the trainer's package on its path; without arguments it prints where it is.
 * `npm run trainer:test` runs the package's tests so.
 */
const { cacheDir, env, secret } = cliEnvironment();
const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
const logger = stderrLogger((text) => void process.stderr.write(text));
const python =
  secret('CLAWGYM_TRAINER_PYTHON') ??
  (await ensureTrainerPython({ cacheDir, env, logger, clock: systemClock, signal: stop.signal }));
const args = process.argv.slice(2);
if (args.length === 0) {
  process.stdout.write(`${python}\n`);
} else {
  const child = spawn(python, args, {
    cwd: TRAINER_DIR,
    env: { ...process.env, PYTHONPATH: TRAINER_DIR },
    stdio: 'inherit',
    signal: stop.signal,
    killSignal: 'SIGTERM',
  });
  child.on('error', (cause) => process.stderr.write(`${cause.message}\n`));
  process.exitCode = await new Promise<number>((resolve) => {
    child.on('close', (code) => resolve(code ?? 1));
  });
}

import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { baseTexts } from '../../examples/full-circle/note-tasks.ts';
import { runInstaller } from '../../src/agents/run-installer.ts';
import { systemClock } from '../../src/base/clock.ts';
import { cliEnvironment } from '../../src/cli/environment.ts';
import { stderrLogger } from '../../src/cli/stderr-logger.ts';
import { ensureTrainerPython, TRAINER_DIR } from '../../src/training/trainer-install.ts';
import { CIRCLE } from './circle-manifests.ts';

/** Two layers, a tenth of a million weights a layer, and a tokenizer of the family's own words. */
const SHAPE = ['--vocab', '600', '--hidden', '128', '--layers', '2', '--context', '512'];

/** Of a circle whose seeds are those of the manifests. */
export const BASE_SEED = 7;

/** Makes the base model of random weights in a folder of its own, unless it is there. */
export async function makeBase(folder: string, seed: number, signal: AbortSignal): Promise<void> {
  if (existsSync(join(folder, 'config.json'))) return;
  const { cacheDir, env, trainerPython } = cliEnvironment();
  const logger = stderrLogger((text) => void process.stderr.write(text));
  const python =
    trainerPython ??
    (await ensureTrainerPython({ cacheDir, env, logger, clock: systemClock, signal }));
  await mkdir(folder, { recursive: true });
  const texts = `${folder}.txt`;
  await writeFile(texts, baseTexts());
  const places = ['--text', texts, '--template', join(CIRCLE, 'tiny.jinja'), '--out', folder];
  const module = [python, '-m', 'clawgym_trainer.tiny_model', ...places, ...SHAPE];
  await runInstaller({
    argv: ['env', `PYTHONPATH=${TRAINER_DIR}`, ...module, '--seed', String(seed)],
    ...{ cwd: folder, env, signal },
  });
}

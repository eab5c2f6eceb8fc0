import { systemClock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { PYTHON_GUARD } from '../../engines/local/guarded-program.ts';
import { ensureTrainerPython, TRAINER_DIR } from '../../training/trainer-install.ts';
import type { CliEnvironment } from '../environment.ts';

/** How the Python programs of training are started: each ends with the process that started it. */
export interface TrainerPrograms {
  readonly sft: readonly string[];
  readonly tokenGrpo: readonly string[];
  readonly policyServer: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** The programs of training, with an interpreter that has their libraries. */
export async function trainerPrograms(
  environment: CliEnvironment,
  logger: Logger,
  signal: AbortSignal,
): Promise<TrainerPrograms> {
  const { cacheDir, env, trainerPython } = environment;
  const python =
    trainerPython ??
    (await ensureTrainerPython({ cacheDir, env, logger, signal, clock: systemClock }));
  const module = (name: string): readonly string[] => [
    ...[python, '-c', PYTHON_GUARD, `clawgym_trainer.${name}`],
  ];
  const given = Object.entries(env).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return {
    sft: module('sft'),
    tokenGrpo: module('token_grpo'),
    policyServer: module('policy_server'),
    // Whatever is needed is in RUN_IN: nothing is fetched while a run goes on.
    env: { ...Object.fromEntries(given), PYTHONPATH: TRAINER_DIR, HF_HUB_OFFLINE: '1' },
  };
}

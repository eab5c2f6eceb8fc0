import { fileURLToPath } from 'node:url';
import { ClawError } from '../../base/error.ts';
import type { Logger } from '../../base/logger.ts';
import { PYTHON_GUARD } from '../../engines/local/guarded-program.ts';
import type { CliEnvironment } from '../environment.ts';

/** How the Python programs of training are started: each ends with the process that started it. */
export interface TrainerPrograms {
  readonly sft: readonly string[];
  readonly tokenGrpo: readonly string[];
  readonly policyServer: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const TRAINER_DIR = fileURLToPath(new URL('../../../trainer', import.meta.url));

/** The programs of training with an interpreter that has their libraries. */
export async function trainerPrograms(
  { trainerPython, env }: CliEnvironment,
  _logger: Logger,
  _signal: AbortSignal,
): Promise<TrainerPrograms> {
  if (trainerPython === undefined) {
    throw new ClawError('MissingTool', 'set CLAWGYM_TRAINER_PYTHON');
  }
  const module = (name: string): readonly string[] => [
    ...[trainerPython, '-c', PYTHON_GUARD, `clawgym_trainer.${name}`],
  ];
  const given = Object.entries(env).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return {
    sft: module('sft'),
    tokenGrpo: module('token_grpo'),
    policyServer: module('policy_server'),
    env: {
      ...Object.fromEntries(given),
      PYTHONPATH: TRAINER_DIR,
      PYTHONDONTWRITEBYTECODE: '1',
      HF_HUB_OFFLINE: '1',
    },
  };
}

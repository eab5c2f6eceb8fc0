import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { ClawError } from '../base/error.ts';
import { DEFAULT_SETTINGS } from '../server/planning/batch-settings.ts';
import { type ArmFlags, benchArms } from './bench-arms.ts';
import { storeDir } from './local-session.ts';
import type { OutputFormat } from './output-format.ts';
import { runLocal } from './run-local.ts';

export interface BenchOptions extends ArmFlags {
  readonly tasks: string;
  readonly task?: readonly string[] | undefined;
  readonly modelCheck: boolean;
  readonly attempts: number;
  readonly parallel?: number | undefined;
  readonly out?: string | undefined;
  readonly resume?: boolean | undefined;
  readonly retryInfraErrors?: boolean | undefined;
  readonly skipInvalid?: boolean | undefined;
  readonly timeoutPercent: number;
  readonly disruptionLimit?: number | undefined;
  readonly output: OutputFormat;
}

const DEFAULT_OUT = 'out/bench';

/** `clawgym bench`: a BenchRun from flags. */
export async function benchCommand(options: BenchOptions): Promise<void> {
  const out = options.out ?? DEFAULT_OUT;
  if (options.resume === true && !existsSync(storeDir(out))) {
    throw new ClawError(
      'NotFound',
      `--resume: ${out} holds no earlier run; leave --resume out to start one`,
    );
  }
  const { retries } = DEFAULT_SETTINGS;
  await runLocal(
    {
      kind: 'BenchRun',
      name: 'bench',
      tasks: {
        path: resolve(options.tasks),
        ids: options.task,
        skipInvalid: options.skipInvalid ?? false,
      },
      arms: benchArms(options),
      samples: options.attempts,
      parallelism: options.parallel,
      modelCheck: options.modelCheck,
      retryInfraErrors: options.retryInfraErrors,
      settings: {
        ...DEFAULT_SETTINGS,
        retries: {
          ...retries,
          disruptionLimit: options.disruptionLimit ?? retries.disruptionLimit,
        },
        timeoutPercent: options.timeoutPercent,
      },
    },
    { out, output: options.output },
  );
}

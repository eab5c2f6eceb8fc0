import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { BenchRun } from '../api/bench-run.ts';
import { type Manifest, requireManifest } from '../api/parse-manifest.ts';
import type { RolloutBatch } from '../api/rollout-batch.ts';
import type { SynthesisJob } from '../api/synthesis-job.ts';
import type { TrainingRun } from '../api/training-run.ts';
import { ClawError, errorMessage } from '../base/error.ts';
import { orderIn, runManifest } from './manifest/run-manifest.ts';
import type { OutputFormat } from './output-format.ts';
import { requestFromManifest } from './request-from-manifest.ts';
import { runLocal } from './run-local.ts';

export interface RunOptions {
  readonly filename: string;
  readonly out?: string | undefined;
  readonly parallel?: number | undefined;
  readonly baseUrl?: string | undefined;
  readonly apiKeyEnv?: string | undefined;
  readonly modelCheck: boolean;
  readonly retryInfraErrors?: boolean | undefined;
  readonly skipInvalid?: boolean | undefined;
  readonly output: OutputFormat;
}

type Runnable = BenchRun | RolloutBatch | SynthesisJob | TrainingRun;

/** The folder that outputs stand in where nothing is said: each run's own, by its name. */
const DEFAULT_WORK = 'out';

/**
 * `clawgym run -f FILE`: runs the objects of a manifest on this machine. One of them writes to --out; of
 * several each writes to its own folder below it, and they run in the order of what they name.
 */
export async function runCommand(options: RunOptions): Promise<void> {
  const manifest = requireManifest(await readManifest(options.filename), options.filename);
  const objects = manifest.objects.filter(isRunnable);
  const [only, more] = objects;
  if (only === undefined) {
    const found = manifest.objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    throw new ClawError(
      'InvalidManifest',
      `${options.filename}: expected a BenchRun, RolloutBatch, SynthesisJob or TrainingRun, found ${found.join(', ')}`,
    );
  }
  if (more === undefined) {
    const out = options.out ?? `${DEFAULT_WORK}/${only.metadata.name}`;
    await orderIn([only], dirname(resolve(out)));
    return await runOne(only, manifest, out, options);
  }
  process.exitCode = await runManifest(objects, {
    work: resolve(options.out ?? DEFAULT_WORK),
    say: (text) => void process.stderr.write(text),
    runOne: async (object, out) => {
      process.exitCode = 0;
      await runOne(object, manifest, out, options);
      return Number(process.exitCode);
    },
  });
}

const isRunnable = (object: Manifest['objects'][number]) =>
  object.kind === 'BenchRun' ||
  object.kind === 'RolloutBatch' ||
  object.kind === 'SynthesisJob' ||
  object.kind === 'TrainingRun';

async function runOne(
  object: Runnable,
  manifest: Manifest,
  out: string,
  options: RunOptions,
): Promise<void> {
  const { filename: file, output } = options;
  const clawTasks = manifest.objects.filter((each) => each.kind === 'ClawTask');
  if (object.kind === 'TrainingRun') {
    const { runTraining } = await import('./training/run-training.ts');
    return await runTraining(object, { file, clawTasks, out, output });
  }
  if (object.kind === 'SynthesisJob') {
    const { runSynthesis } = await import('./synthesis/run-synthesis.ts');
    return await runSynthesis(object, { ...options, out: resolve(out) });
  }
  const request = requestFromManifest(object, clawTasks, file, {
    baseUrl: options.baseUrl,
    apiKeyEnv: options.apiKeyEnv,
    skipInvalid: options.skipInvalid,
    out: resolve(out),
  });
  const parallelism = options.parallel ?? request.parallelism;
  const { modelCheck, retryInfraErrors } = options;
  await runLocal({ ...request, parallelism, modelCheck, retryInfraErrors }, { out, output });
}

async function readManifest(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new ClawError('NotFound', `manifest ${file} cannot be read: ${errorMessage(cause)}`, {
      cause,
    });
  }
}

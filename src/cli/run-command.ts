import { dirname, resolve } from 'node:path';
import type { BenchRun } from '../api/bench-run.ts';
import type { ClawTask } from '../api/claw-task.ts';
import type { ForeignObject, Manifest } from '../api/parse-manifest.ts';
import type { RolloutBatch } from '../api/rollout-batch.ts';
import type { SynthesisJob } from '../api/synthesis-job.ts';
import type { TrainingRun } from '../api/training-run.ts';
import { ClawError } from '../base/error.ts';
import { readManifests } from './manifest/read-manifests.ts';
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

/** What is beside an object: paths are relative to its file, ClawTasks may stand in any. */
interface Beside {
  readonly files: ReadonlyMap<Runnable, string>;
  readonly clawTasks: readonly ClawTask[];
  readonly foreign: readonly ForeignObject[];
}

/** The folder that outputs stand in where nothing is said: each run's own, by its name. */
const DEFAULT_WORK = 'out';

/**
 * `clawgym run -f PATH`: runs the objects of a manifest, or of all in a folder, on this machine. One of them
 * writes to --out; of several each writes to its own folder below it, and they run in the order of what
 * they name.
 */
export async function runCommand(options: RunOptions): Promise<void> {
  const read = await readManifests(options.filename);
  const all = read.flatMap(({ manifest }) => manifest.objects);
  const beside: Beside = {
    files: new Map(
      read.flatMap(({ file, manifest }) =>
        manifest.objects.filter(isRunnable).map((object) => [object, file] as const),
      ),
    ),
    clawTasks: all.filter((each) => each.kind === 'ClawTask'),
    foreign: read.flatMap(({ manifest }) => manifest.foreign),
  };
  const objects = [...beside.files.keys()];
  const [only, more] = objects;
  if (only === undefined) {
    const found = all.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    throw new ClawError(
      'InvalidManifest',
      `${options.filename}: expected a BenchRun, RolloutBatch, SynthesisJob or TrainingRun, found ${found.join(', ')}`,
    );
  }
  if (more === undefined) {
    const out = options.out ?? `${DEFAULT_WORK}/${only.metadata.name}`;
    await orderIn([only], dirname(resolve(out)));
    return await runOne(only, beside, out, options);
  }
  process.exitCode = await runManifest(objects, {
    work: resolve(options.out ?? DEFAULT_WORK),
    say: (text) => void process.stderr.write(text),
    runOne: async (object, out) => {
      process.exitCode = 0;
      await runOne(object, beside, out, options);
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
  { files, clawTasks, foreign }: Beside,
  out: string,
  options: RunOptions,
): Promise<void> {
  const { output } = options;
  const file = files.get(object) ?? options.filename;
  if (object.kind === 'TrainingRun') {
    const { runTraining } = await import('./training/run-training.ts');
    return await runTraining(object, { file, clawTasks, out, output });
  }
  if (object.kind === 'SynthesisJob') {
    const { runSynthesis } = await import('./synthesis/run-synthesis.ts');
    return await runSynthesis(object, { ...options, filename: file, out: resolve(out) });
  }
  const request = requestFromManifest(object, clawTasks, file, {
    baseUrl: options.baseUrl,
    apiKeyEnv: options.apiKeyEnv,
    skipInvalid: options.skipInvalid,
    foreign,
    out: resolve(out),
  });
  const parallelism = options.parallel ?? request.parallelism;
  const { modelCheck, retryInfraErrors } = options;
  await runLocal({ ...request, parallelism, modelCheck, retryInfraErrors }, { out, output });
}

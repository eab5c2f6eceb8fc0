import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { requireManifest } from '../api/parse-manifest.ts';
import { ClawError, errorMessage } from '../base/error.ts';
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

/** `clawgym run -f FILE`: runs the BenchRun, RolloutBatch or SynthesisJob of a manifest. */
export async function runCommand(options: RunOptions): Promise<void> {
  const manifest = requireManifest(await readManifest(options.filename), options.filename);
  const runnable = manifest.objects.flatMap((each) =>
    each.kind === 'BenchRun' || each.kind === 'RolloutBatch' || each.kind === 'SynthesisJob'
      ? [each]
      : [],
  );
  const [object] = runnable;
  if (object === undefined || runnable.length > 1) {
    const found = manifest.objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    throw new ClawError(
      'InvalidManifest',
      `${options.filename}: expected one BenchRun, RolloutBatch or SynthesisJob, found ${found.join(', ')}`,
    );
  }
  const out = resolve(options.out ?? `out/${object.metadata.name}`);
  if (object.kind === 'SynthesisJob') {
    const { runSynthesis } = await import('./synthesis/run-synthesis.ts');
    return await runSynthesis(object, { ...options, out });
  }
  const clawTasks = manifest.objects.filter((each) => each.kind === 'ClawTask');
  const request = requestFromManifest(object, clawTasks, options.filename, {
    baseUrl: options.baseUrl,
    apiKeyEnv: options.apiKeyEnv,
    skipInvalid: options.skipInvalid,
    out,
  });
  const parallelism = options.parallel ?? request.parallelism;
  await runLocal(
    {
      ...request,
      parallelism,
      modelCheck: options.modelCheck,
      retryInfraErrors: options.retryInfraErrors,
    },
    { out: options.out ?? `out/${request.name}`, output: options.output },
  );
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

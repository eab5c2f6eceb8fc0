import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { canonicalJson } from '../../base/canonical-json.ts';
import type { Clock } from '../../base/clock.ts';
import { ClawError } from '../../base/error.ts';
import type { Logger } from '../../base/logger.ts';
import { RUN_SPEC_FILE } from '../../protocol/pod-contract.ts';
import type { TrainingFile } from '../../protocol/training-api.ts';
import type { TrainingClaim } from '../../protocol/training-pod-api.ts';
import { zRunSpec } from '../run-spec.ts';
import type { TrainingClient } from './training-client.ts';

export interface FetchContext {
  readonly client: Pick<TrainingClient, 'claim' | 'download'>;
  /** RUN_IN, RUN_OUT, and the folder of the file that RUN_SPEC names. */
  readonly folders: {
    readonly in: string;
    readonly out: string;
    readonly spec: string;
    /** Scratch of the trusted containers. */
    readonly state: string;
  };
  readonly clock: Clock;
  readonly logger: Logger;
}

/** In the scratch: step of the checkpoint that was fetched, which is in the store. */
export const FETCHED_STEP = 'fetched-step';
/** The operator tells the server of the Job right after it made it. */
const CLAIM_WAIT_SECONDS = 300;

/**
 * Lays out everything that a trainer begins with (docs/reference/training-pods.md): RUN_IN with its
 * manifests, RUN_SPEC, and in RUN_OUT the newest checkpoint of an earlier start. Every file is checked
 * against its digest. Throws `Timeout` where the server is away.
 */
export async function fetchInputs(context: FetchContext, giveUp: AbortSignal): Promise<void> {
  const { folders, logger } = context;
  const claim = await awaitClaim(context, giveUp);
  for (const { folder, files } of claim.inputs) {
    const dir = join(folders.in, folder);
    await fetchFiles(dir, files, context, giveUp);
    await writeFile(join(dir, 'manifest.json'), `${canonicalJson(files)}\n`);
    logger.info({ folder, files: files.length, bytes: bytesOf(files) }, 'fetched');
  }
  if (claim.checkpoint !== undefined) await fetchCheckpoint(claim.checkpoint, context, giveUp);
  const spec = zRunSpec.parse(claim.runSpec);
  await writeFile(join(folders.spec, RUN_SPEC_FILE), `${JSON.stringify(spec, null, 2)}\n`);
}

/** As the trainer writes it: the name comes when all of it is there. */
async function fetchCheckpoint(
  { step, files }: NonNullable<TrainingClaim['checkpoint']>,
  context: FetchContext,
  giveUp: AbortSignal,
): Promise<void> {
  const name = `step-${step}`;
  const folder = join(context.folders.out, 'checkpoints');
  await fetchFiles(join(folder, name), files, context, giveUp);
  await writeFile(join(folder, 'latest'), `${name}\n`);
  await writeFile(join(context.folders.state, FETCHED_STEP), String(step));
  context.logger.info({ step, files: files.length, bytes: bytesOf(files) }, 'checkpoint fetched');
}

async function fetchFiles(
  dir: string,
  files: readonly TrainingFile[],
  { client }: FetchContext,
  giveUp: AbortSignal,
): Promise<void> {
  // The container was started again: what is there may be half.
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true });
  for (const file of files) {
    const path = join(dir, file.path);
    await mkdir(dirname(path), { recursive: true });
    await client.download(file, path, giveUp);
  }
}

const bytesOf = (files: readonly TrainingFile[]): number =>
  files.reduce((all, { size }) => all + size, 0);

async function awaitClaim(
  { client, clock, logger }: FetchContext,
  giveUp: AbortSignal,
): Promise<TrainingClaim> {
  const until = clock.monotonic() + CLAIM_WAIT_SECONDS * 1000;
  for (;;) {
    const answer = await client.claim(giveUp);
    if ('inputs' in answer) return answer;
    const { decision, reason, retryAfterSeconds = 1 } = answer;
    logger.info({ decision, reason }, 'no claim');
    const pause = retryAfterSeconds * 1000;
    if (decision === 'decided' || clock.monotonic() + pause >= until) {
      throw new ClawError('Timeout', reason);
    }
    await clock.sleep(pause, giveUp);
  }
}

import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Clock } from '../../base/clock.ts';
import { ClawError } from '../../base/error.ts';
import type { Logger } from '../../base/logger.ts';
import type { PolicyFiles } from '../../protocol/policy-api.ts';
import type { PolicyClient } from './policy-client.ts';

export interface FetchContext {
  readonly client: Pick<PolicyClient, 'files' | 'file'>;
  /** A folder of its own is made in it for each version. */
  readonly models: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A version on the pod's disk, every file checked against its digest. */
export interface FetchedPolicy {
  readonly version: number;
  readonly folder: string;
  readonly template: string;
}

/** The operator tells the server of this pod. */
const WAIT_SECONDS = 300;

/** Where a version's files are. */
export const versionFolder = (models: string, version: number): string =>
  join(models, `v-${version}`);

/**
 * Fetches the version that the server wants. It appears under its name when it is whole: nobody reads
 * half of one. Throws `Timeout` where the server is away, `Fenced` where it refuses the pod.
 */
export async function fetchPolicy(
  context: FetchContext,
  giveUp: AbortSignal,
): Promise<FetchedPolicy> {
  const { client, models, clock, logger } = context;
  const { version, files, template } = await awaitFiles(context, giveUp);
  const folder = versionFolder(models, version);
  const fetched = { version, folder, template: join(folder, template) };
  if (await isThere(folder)) return fetched;
  const began = clock.monotonic();
  const staging = `${folder}.tmp`;
  await rm(staging, { recursive: true, force: true });
  for (const { path, digest } of files) {
    const place = join(staging, inside(path));
    await mkdir(dirname(place), { recursive: true });
    await client.file(digest, (bytes) => pipeline(bytes, createWriteStream(place)), giveUp);
  }
  await rename(staging, folder);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const seconds = Math.round((clock.monotonic() - began) / 100) / 10;
  logger.info({ version, files: files.length, bytes, seconds }, 'fetched');
  return fetched;
}

async function awaitFiles(
  { client, clock, logger }: FetchContext,
  giveUp: AbortSignal,
): Promise<PolicyFiles> {
  const until = clock.monotonic() + WAIT_SECONDS * 1000;
  for (;;) {
    const answer = await client.files(giveUp);
    if ('files' in answer) return answer;
    const { decision, reason, retryAfterSeconds = 1 } = answer;
    logger.info({ decision, reason }, 'no files');
    const pause = retryAfterSeconds * 1000;
    if (decision === 'decided' || clock.monotonic() + pause >= until)
      throw new ClawError('Timeout', reason);
    await clock.sleep(pause, giveUp);
  }
}

/** The server has checked it; a path that leads out would still be written to. */
function inside(path: string): string {
  const plain = normalize(path);
  if (!plain.startsWith('..') && !plain.startsWith('/')) return plain;
  throw new ClawError('InvalidInput', `a file of the model has the path ${JSON.stringify(path)}`);
}

async function isThere(folder: string): Promise<boolean> {
  return await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

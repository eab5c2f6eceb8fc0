import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { ClawError } from '../../base/error.ts';
import type { Logger } from '../../base/logger.ts';
import type { ImportClaim, Imported } from '../../protocol/import-api.ts';
import { type LoadedTaskSet, loadTaskSet } from '../../tasks/load-task-set.ts';
import { writeTaskSet } from '../../tasks/set/write-task-set.ts';
import { distinctBlobs } from '../../tasks/task-files.ts';
import { agentCodeScanner } from '../../verifiers/scan-agent-code.ts';
import type { ImportClient } from './import-client.ts';
import { sourcePlace } from './source-place.ts';

export interface ImportContext {
  readonly client: Pick<ImportClient, 'claim' | 'put'>;
  /** Where the volume is mounted. */
  readonly source: string;
  /** Path of the tasks on the volume. */
  readonly path: string;
  /** Scratch of the container. */
  readonly state: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The operator tells the server of this pod; a full store is asked again for as long. */
const CLAIM_WAIT_SECONDS = 300;
const SHOWN = 10;

/**
 * Reads the tasks on a volume, whatever their form, and hands them to the server as one task set
 * (design: cluster.md 9). What is on the volume is hostile: nothing is followed or run, everything is
 * bounded, and one refused task refuses all. Throws what a person can act on, or `Timeout` where the
 * server is away.
 */
export async function importSource(context: ImportContext, giveUp: AbortSignal): Promise<Imported> {
  const { maxBytes } = await awaitClaim(context, giveUp);
  const place = await sourcePlace(context.source, context.path);
  const loaded = await loadTaskSet(place, {
    scanAgentCode: agentCodeScanner,
    signal: giveUp,
  });
  try {
    refuseProblems(loaded);
    refuseLarge(loaded, maxBytes);
    if (loaded.format === 'task-set') {
      const { size } = await stat(place);
      return await context.client.put(place, size, giveUp);
    }
    const file = join(context.state, 'tasks.tar');
    await rm(file, { force: true });
    const { tasks, blobs } = loaded.set;
    const { bytes } = await writeTaskSet(file, tasks, blobs, giveUp);
    context.logger.info({ tasks: tasks.length, bytes, format: loaded.format }, 'packed');
    return await context.client.put(file, bytes, giveUp);
  } finally {
    await loaded.close();
  }
}

async function awaitClaim(
  { client, clock, logger }: ImportContext,
  giveUp: AbortSignal,
): Promise<ImportClaim> {
  const until = clock.monotonic() + CLAIM_WAIT_SECONDS * 1000;
  for (;;) {
    const answer = await client.claim(giveUp);
    if ('maxBytes' in answer) return answer;
    const { decision, reason, retryAfterSeconds = 1 } = answer;
    logger.info({ decision, reason }, 'no claim');
    const pause = retryAfterSeconds * 1000;
    if (decision === 'decided' || clock.monotonic() + pause >= until) {
      throw new ClawError('Timeout', reason);
    }
    await clock.sleep(pause, giveUp);
  }
}

function refuseProblems({ problems }: LoadedTaskSet): void {
  if (problems.length === 0) return;
  const more = problems.length > SHOWN ? `; and ${problems.length - SHOWN} more` : '';
  const shown = problems.slice(0, SHOWN).map(({ message }) => message);
  throw new ClawError('InvalidTask', `tasks cannot be imported: ${shown.join('; ')}${more}`);
}

/** Before anything is written: the volume for it has about that size. */
function refuseLarge({ set }: LoadedTaskSet, maxBytes: number): void {
  const files = distinctBlobs(set.tasks.map(({ task }) => task));
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  if (bytes <= maxBytes) return;
  throw new ClawError(
    'TooLarge',
    `the files of its ${set.tasks.length} tasks have ${bytes} bytes together, at most ${maxBytes} are taken from a volume; split the tasks, or serve them as a task set behind a URL (spec.tasks.url)`,
  );
}

import { createWriteStream, existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ClawError } from '../../base/error.ts';
import type { SourceFormat } from '../../tasks/import/importer.ts';
import type { LoadedTaskSet } from '../../tasks/load-task-set.ts';
import { type ClusterFlags, namesCluster } from '../cluster/cluster-flags.ts';
import type { CliEnvironment } from '../environment.ts';
import { loadTasksSource } from '../tasks-source.ts';
import { type AcceptedTasks, openSynthesisSource } from './synthesis-source.ts';

/** Where a SynthesisJob is looked for. */
export interface JobTasksFlags extends ClusterFlags {
  /** Output folder of a local job, or a folder with several. */
  readonly from?: string | undefined;
}

interface JobTasksOptions extends JobTasksFlags {
  readonly format?: SourceFormat | undefined;
}

/** The name in `synthesisjob/NAME`, as kubectl takes it; undefined where that is a path, or anything else is. */
export function jobNamed(source: string): string | undefined {
  const name = /^synthesisjobs?\/([^/]+)$/i.exec(source)?.[1];
  return name === undefined || existsSync(source) ? undefined : name;
}

/**
 * The tasks at a path, or those that a SynthesisJob accepted. Throws `NotFound` where it accepted none, or has
 * not ended, with what to do.
 */
export async function loadPathOrJob(
  source: string,
  { format, from, ...cluster }: JobTasksOptions,
  environment: CliEnvironment,
  signal: AbortSignal,
): Promise<LoadedTaskSet> {
  const name = jobNamed(source);
  if (name === undefined) {
    if (from !== undefined || namesCluster(cluster)) {
      throw new ClawError(
        'InvalidInput',
        `${source} is a path of this machine; --from and the flags of a cluster belong to synthesisjob/NAME`,
      );
    }
    return await loadTasksSource(source, { format }, signal);
  }
  if (format !== undefined && format !== 'task-set')
    throw new ClawError('InvalidInput', `${source} is a task set: leave --format out`);
  const flags = { ...cluster, out: from };
  await using job = await openSynthesisSource(name, flags, environment, signal);
  return await loadAccepted(await job.tasks(), signal);
}

/** Exported for its tests. */
export async function loadAccepted(
  tasks: AcceptedTasks,
  signal: AbortSignal,
): Promise<LoadedTaskSet> {
  switch (tasks.kind) {
    case 'none':
      throw new ClawError('NotFound', tasks.why);
    case 'file':
      return await loadTasksSource(tasks.path, {}, signal);
    case 'artifact':
      return await downloaded(tasks, signal);
  }
}

/** A stored set is hostile input as any other: it is read from a file, checked, which goes with `close`. */
async function downloaded(
  { digest, artifacts }: Extract<AcceptedTasks, { kind: 'artifact' }>,
  signal: AbortSignal,
): Promise<LoadedTaskSet> {
  const folder = await mkdtemp(join(tmpdir(), 'clawgym-tasks-'));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const file = join(folder, `${digest}.tar`);
    await pipeline(await artifacts.stream(digest), createWriteStream(file), { signal });
    const loaded = await loadTasksSource(file, { format: 'task-set' }, signal);
    const close = async (): Promise<void> => {
      await loaded.close();
      await remove();
    };
    return { ...loaded, close };
  } catch (cause) {
    await remove();
    throw cause;
  }
}

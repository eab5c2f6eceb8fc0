import { z } from 'zod';
import { type ClawTask, clawTask } from '../../api/claw-task.ts';
import type { Sha256 } from '../../base/brand.ts';
import { asSha256 } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import type { PlanBatchBody } from '../../protocol/operator-api.ts';
import { loadClawTasks } from '../../tasks/load-task-set.ts';
import type { BlobSource, TaskEntry } from '../../tasks/task-set.ts';
import { agentCodeScanner } from '../../verifiers/scan-agent-code.ts';
import type { TaskSetShelf } from './task-set-shelf.ts';

type ObjectSource = Extract<PlanBatchBody['source'], { kind: 'tasks' }>;

export interface ResolvedTasks {
  readonly entries: readonly TaskEntry[];
  readonly blobs: BlobSource;
  /** Why tasks were refused; the caller decides whether one is one too many. */
  readonly problems: readonly string[];
}

/** The tasks of ClawTask objects, in their order: written out in the object, or named in a stored set. */
export async function resolveClawTasks(
  source: ObjectSource,
  shelf: TaskSetShelf,
  signal: AbortSignal,
): Promise<ResolvedTasks> {
  const entries: TaskEntry[] = [];
  const blobs: BlobSource[] = [];
  const problems: string[] = [];
  for (const { name, task } of source.tasks) {
    try {
      const found = await resolveOne(parseClawTask(name, task), shelf, signal);
      refuseTwice(found.entries, entries, name);
      entries.push(...found.entries);
      blobs.push(found.blobs);
      problems.push(...found.problems);
    } catch (thrown) {
      if (!(thrown instanceof ClawError)) throw thrown;
      problems.push(`ClawTask ${name}: ${thrown.message}`);
    }
  }
  return { entries, blobs: oneOf(blobs), problems };
}

function parseClawTask(name: string, spec: unknown): ClawTask {
  const { apiVersion } = clawTask;
  const parsed = clawTask.schema.safeParse({
    apiVersion,
    kind: 'ClawTask',
    metadata: { name },
    spec,
  });
  if (parsed.success) return parsed.data;
  throw new ClawError('InvalidManifest', z.prettifyError(parsed.error));
}

async function resolveOne(
  object: ClawTask,
  shelf: TaskSetShelf,
  signal: AbortSignal,
): Promise<ResolvedTasks> {
  const reference = object.spec.taskSetRef;
  if (reference !== undefined) {
    const set = await shelf.get(asSha256(reference.digest));
    const entry = set.tasks.find(({ task }) => task.id === reference.taskId);
    if (entry !== undefined) return { entries: [entry], blobs: set.blobs, problems: [] };
    throw new ClawError(
      'NotFound',
      `spec.taskSetRef: task set ${reference.digest} has no task ${JSON.stringify(reference.taskId)}`,
    );
  }
  const options = {
    scanAgentCode: agentCodeScanner,
    signal,
  };
  const { set, problems } = await loadClawTasks([object], object.metadata.name, options);
  const { tasks, blobs } = set;
  return { entries: tasks, blobs, problems: problems.map(({ message }) => message) };
}

/** Two objects may name one task id, for a task may have an id of its own. */
function refuseTwice(found: readonly TaskEntry[], known: readonly TaskEntry[], name: string): void {
  for (const { task } of found) {
    if (!known.some((entry) => entry.task.id.toLowerCase() === task.id.toLowerCase())) continue;
    throw new ClawError(
      'InvalidTask',
      `its task id ${task.id} is that of another ClawTask; give ${name} an id of its own in spec.task.id`,
    );
  }
}

/** Reads from the first source that has the digest. */
function oneOf(sources: readonly BlobSource[]): BlobSource {
  return {
    read: async (digest: Sha256) => {
      for (const source of sources) {
        const bytes = await source.read(digest).catch((thrown: unknown) => {
          if (thrown instanceof ClawError && thrown.code === 'NotFound') return undefined;
          throw thrown;
        });
        if (bytes !== undefined) return bytes;
      }
      throw new ClawError('NotFound', `no task file with digest ${digest}`);
    },
  };
}

import { z } from 'zod';
import { parseJson, type Sha256 } from '../base/brand.ts';
import { sha256 } from '../base/digest.ts';
import { zSha256 } from '../protocol/fields.ts';
import type { ArtifactStore } from '../store/artifacts.ts';
import type { TaskEntry } from '../tasks/task-set.ts';
import { readModel } from './model-manifest.ts';

/** What tells a task however it is packed. */
export interface TaskPrint {
  readonly id: string;
  readonly digest: Sha256;
  /** Of what the agent is told, without case and white space. */
  readonly words: Sha256;
}

export function taskPrint({ task, digest }: TaskEntry): TaskPrint {
  const said = task.instruction.turns.map(({ text }) => text.toLowerCase().replaceAll(/\s+/g, ' '));
  return { id: task.id, digest, words: sha256(said.join('\n').trim()) };
}

/**
 * Tasks of a suite that a model was trained on: the same bytes, or the same words to the agent. A score on
 * them says nothing about other tasks.
 */
export function sharedTasks(
  suite: readonly TaskPrint[],
  trained: readonly TaskPrint[],
): readonly TaskPrint[] {
  const known = new Set(trained.flatMap(({ digest, words }) => [digest, words]));
  return suite.filter(({ digest, words }) => known.has(digest) || known.has(words));
}

/** Tasks of one set that a model learned from. */
export interface TrainedTasks {
  readonly taskSet: Sha256;
  /** Digests; undefined: nothing says which, so all of the set. */
  readonly only: ReadonlySet<Sha256> | undefined;
}

/** What the records say of the tasks that a model, and all that it was made from, learned from. */
export interface TrainedOn {
  readonly tasks: readonly TrainedTasks[];
  /** Models and exports of its past that cannot be read here: there may be more. */
  readonly unread: readonly Sha256[];
}

const zSource = z.object({
  batches: z.array(z.object({ taskSet: zSha256 })),
  splits: z.object({ train: z.object({ taskDigests: z.array(zSha256).optional() }) }).optional(),
});

type Artifacts = Pick<ArtifactStore, 'read' | 'size'>;

/** Follows a model's record back to the bases that it was made from. */
export async function trainedOn(model: Sha256, artifacts: Artifacts): Promise<TrainedOn> {
  const tasks: TrainedTasks[] = [];
  const unread: Sha256[] = [];
  const seen = new Set<Sha256>();
  const open = [model];
  for (let digest = open.pop(); digest !== undefined; digest = open.pop()) {
    if (seen.has(digest)) continue;
    seen.add(digest);
    const record = await recordOf(digest, artifacts);
    if (record === undefined) {
      unread.push(digest);
      continue;
    }
    open.push(...record.parents);
    if (record.taskSet !== undefined)
      tasks.push({ taskSet: record.taskSet, only: setOf(record.tasks) });
    if (record.data === undefined) continue;
    const exported = await exportedTasks(record.data, artifacts);
    if (exported === undefined) unread.push(record.data);
    else tasks.push(...exported);
  }
  return { tasks, unread };
}

const setOf = (digests: readonly Sha256[] | undefined): ReadonlySet<Sha256> | undefined =>
  digests && new Set(digests);

async function recordOf(digest: Sha256, artifacts: Artifacts) {
  try {
    return (await readModel(digest, artifacts)).record;
  } catch {
    return undefined;
  }
}

/** The tasks of an export's training rows. */
async function exportedTasks(
  digest: Sha256,
  artifacts: Artifacts,
): Promise<readonly TrainedTasks[] | undefined> {
  try {
    const text = new TextDecoder().decode(await artifacts.read(digest));
    const { batches, splits } = zSource.parse(parseJson(text));
    const only = setOf(splits?.train.taskDigests);
    return batches.map(({ taskSet }) => ({ taskSet, only }));
  } catch {
    return undefined;
  }
}

/** Tasks of a suite that a model was trained on, as far as its past can be read. */
export interface TrainingOverlap {
  /** Ids. */
  readonly shared: readonly string[];
  /** Digests of models, exports and task sets that could not be read. */
  readonly unread: readonly Sha256[];
}

export interface OverlapDeps {
  readonly artifacts: Pick<ArtifactStore, 'read' | 'size'>;
  /** Tasks of a stored set; rejects where it cannot be read. */
  readonly tasksOf: (taskSet: Sha256) => Promise<readonly TaskEntry[]>;
}

/** Never rejects for what is missing: a run goes on, and says what it does not know. */
export async function trainingOverlap(
  model: Sha256,
  suite: readonly TaskEntry[],
  { artifacts, tasksOf }: OverlapDeps,
): Promise<TrainingOverlap> {
  const { tasks, unread } = await trainedOn(model, artifacts);
  const missing = new Set(unread);
  const trained: TaskPrint[] = [];
  for (const { taskSet, only } of tasks) {
    const entries = await tasksOf(taskSet).catch(() => undefined);
    if (entries === undefined) missing.add(taskSet);
    for (const entry of entries ?? []) {
      if (only === undefined || only.has(entry.digest)) trained.push(taskPrint(entry));
    }
  }
  const shared = sharedTasks(suite.map(taskPrint), trained);
  return { shared: shared.map(({ id }) => id), unread: [...missing] };
}

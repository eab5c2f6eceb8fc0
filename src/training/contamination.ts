import { z } from 'zod';
import { parseJson, type Sha256 } from '../base/brand.ts';
import { sha256 } from '../base/digest.ts';
import { zSha256 } from '../protocol/fields.ts';
import type { ArtifactStore } from '../store/artifacts.ts';
import type { Task } from '../tasks/task.ts';
import { readModel } from './model-manifest.ts';

/** What tells a task however it is packed. */
export interface TaskPrint {
  readonly id: string;
  readonly digest: Sha256;
  /** Of what the agent is told, without case and white space. */
  readonly words: Sha256;
}

export function taskPrint(task: Task, digest: Sha256): TaskPrint {
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

const zSource = z.object({ batches: z.array(z.object({ taskSet: zSha256 })) });

/** The task sets that a model and all that it was made from were trained on. */
export async function trainedTaskSets(
  model: Sha256,
  artifacts: Pick<ArtifactStore, 'read' | 'size'>,
): Promise<ReadonlySet<Sha256>> {
  const sets = new Set<Sha256>();
  const seen = new Set<Sha256>();
  const open = [model];
  for (let digest = open.pop(); digest !== undefined; digest = open.pop()) {
    if (seen.has(digest)) continue;
    seen.add(digest);
    const { record } = await readModel(digest, artifacts);
    open.push(...record.parents);
    if (record.taskSet !== undefined) sets.add(record.taskSet);
    if (record.data === undefined) continue;
    const text = new TextDecoder().decode(await artifacts.read(record.data));
    for (const { taskSet } of zSource.parse(parseJson(text)).batches) sets.add(taskSet);
  }
  return sets;
}

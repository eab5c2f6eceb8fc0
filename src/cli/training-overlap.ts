import { dirname } from 'node:path';
import type { Sha256 } from '../base/brand.ts';
import type { Logger } from '../base/logger.ts';
import type { TrainingFacts } from '../bench/run-facts.ts';
import type { TaskEntry } from '../tasks/task-set.ts';
import {
  sharedTasks,
  type TaskPrint,
  type TrainedTasks,
  taskPrint,
  trainedOn,
} from '../training/contamination.ts';
import type { PreparedArm } from './prepare-arms.ts';
import { type ReadableArtifacts, unionArtifacts } from './run-outputs/union-artifacts.ts';
import { openWorkFolder } from './run-outputs/work-store.ts';
import { storedTasks } from './stored-tasks.ts';

export interface OverlapContext {
  /** Output folder of the run; what others made stands beside it. */
  readonly out: string;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** The arms; those that a model of ours answers with what it learned of these tasks. */
export async function withTraining(
  arms: readonly PreparedArm[],
  suite: readonly TaskEntry[],
  { out, logger, signal }: OverlapContext,
): Promise<readonly PreparedArm[]> {
  if (arms.every(({ served }) => served === undefined)) return arms;
  await using own = await openWorkFolder(out);
  await using beside = await openWorkFolder(dirname(out));
  const stores = [...own.stores, ...beside.stores];
  const artifacts = unionArtifacts(stores.map((store) => store.artifacts));
  const prints = suite.map(taskPrint);
  const found: PreparedArm[] = [];
  for (const arm of arms) {
    const { served, request } = arm;
    const training = served && (await trainingFacts(served.digest, prints, artifacts, signal));
    const shared = training?.shared.length ?? 0;
    if (shared > 0) {
      const said = `arm ${request.name}: its model was trained on ${shared} of the ${suite.length} tasks of this run`;
      logger.warn({}, said);
    }
    found.push({ ...arm, training });
  }
  return found;
}

async function trainingFacts(
  model: Sha256,
  suite: readonly TaskPrint[],
  artifacts: ReadableArtifacts,
  signal: AbortSignal,
): Promise<TrainingFacts> {
  const { tasks, unread } = await trainedOn(model, artifacts);
  const missing = new Set<Sha256>(unread);
  const trained: TaskPrint[] = [];
  for (const some of tasks) {
    const prints = await printsOf(some, artifacts, signal);
    if (prints === undefined) missing.add(some.taskSet);
    else trained.push(...prints);
  }
  return { shared: sharedTasks(suite, trained).map(({ id }) => id), unread: [...missing] };
}

/** Undefined where the set cannot be read: the run goes on, and says so. */
async function printsOf(
  { taskSet, only }: TrainedTasks,
  artifacts: ReadableArtifacts,
  signal: AbortSignal,
): Promise<readonly TaskPrint[] | undefined> {
  try {
    const tasks = await storedTasks(artifacts, taskSet, signal);
    return tasks.filter(({ digest }) => only?.has(digest) ?? true).map(taskPrint);
  } catch (cause) {
    if (signal.aborted) throw cause;
    return undefined;
  }
}

import { dirname } from 'node:path';
import type { Sha256 } from '../base/brand.ts';
import type { Logger } from '../base/logger.ts';
import type { TaskEntry } from '../tasks/task-set.ts';
import { trainingOverlap } from '../training/contamination.ts';
import type { PreparedArm } from './prepare-arms.ts';
import { unionArtifacts } from './run-outputs/union-artifacts.ts';
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
  const tasksOf = (taskSet: Sha256) => storedTasks(artifacts, taskSet, signal);
  const found: PreparedArm[] = [];
  for (const arm of arms) {
    const { served, request } = arm;
    const training =
      served && (await trainingOverlap(served.digest, suite, { artifacts, tasksOf }));
    signal.throwIfAborted();
    const shared = training?.shared.length ?? 0;
    if (shared > 0) {
      const said = `arm ${request.name}: its model was trained on ${shared} of the ${suite.length} tasks of this run`;
      logger.warn({}, said);
    }
    found.push({ ...arm, training });
  }
  return found;
}

import { ClawError } from '../../base/error.ts';
import { runLimited } from '../../base/run-limited.ts';
import type { Task } from '../../tasks/task.ts';
import type { BatchPlan, Engine, EngineRunOptions } from '../engine.ts';
import { BoundedSandbox } from './bounded-sandbox.ts';
import { type RolloutJob, type RolloutRunnerDeps, runRollout } from './rollout-runner.ts';

/**
 * Rollouts that lay out files or write records while the sandboxes are taken by others: most of that
 * is waiting for the disk, and a free sandbox should find one ready.
 */
const OVERLAP = 5;
/** With a model fewer: the time budget of a session runs while its agent waits for a sandbox. */
const OVERLAP_WITH_MODEL = 2;

/**
 * The embedded engine: sandboxes on this host, one process, the record store as its only memory.
 * Kill it at any moment and run it again over the same store: it continues (design: rollouts.md 4).
 */
export class LocalEngine implements Engine {
  readonly #deps: RolloutRunnerDeps;

  constructor(deps: RolloutRunnerDeps) {
    this.#deps = deps;
  }

  async run(plans: readonly BatchPlan[], options: EngineRunOptions): Promise<void> {
    const jobs: RolloutJob[] = [];
    for (const plan of plans) {
      await this.#deps.store.planBatch(plan.batch, plan.rollouts);
      jobs.push(...(await this.#undecided(plan)));
    }
    const sandbox = new BoundedSandbox(this.#deps.sandbox, options.parallelism);
    const deps = { ...this.#deps, sandbox };
    const overlap = plans.some(({ model }) => model) ? OVERLAP_WITH_MODEL : OVERLAP;
    await runLimited(
      jobs,
      options.parallelism + overlap,
      (job) => runRollout(job, deps, options.observer, options.signal),
      options.signal,
    );
  }

  async #undecided(plan: BatchPlan): Promise<RolloutJob[]> {
    const tasks = new Map(plan.taskSet.tasks.map(({ task }) => [task.id, task]));
    const rows = await this.#deps.store.listRollouts(plan.batch.id, { undecided: true });
    return rows.map((rollout) => ({ plan, rollout, task: taskOf(tasks, rollout.taskId) }));
  }
}

function taskOf(tasks: ReadonlyMap<string, Task>, id: string): Task {
  const task = tasks.get(id);
  if (task === undefined) {
    throw new ClawError(
      'NotFound',
      `task ${JSON.stringify(id)} of a planned rollout is not in the task set`,
    );
  }
  return task;
}

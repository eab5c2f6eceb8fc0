import { ClawError } from '../../../src/base/error.ts';
import type { ClawGymServer } from '../../../src/protocol/claw-gym-server.ts';
import type { GateRun } from '../../../src/rollouts/gates/gate-runs.ts';
import { failed, type RunRows, unknown } from '../../../src/rollouts/gates/verdict.ts';
import { everyGate, gateVerdicts } from '../../../src/rollouts/gates/verdicts.ts';
import type { Cache } from '../../kube/cache/cache.ts';
import { WrittenVersions } from '../../kube/cache/written-versions.ts';
import type { KubeClient } from '../../kube/client/typed-client.ts';
import { Controller, type ControllerOptions } from '../../kube/controller/controller.ts';
import { watchObjects, watchOwned } from '../../kube/controller/controller-sources.ts';
import { DONE, type ReadGate, type ReconcileResult } from '../../kube/controller/reconcile.ts';
import { keyOf, type ObjectKey } from '../../kube/objects/object-key.ts';
import { createOwned } from '../../kube/writes/create-owned.ts';
import { deleteObject } from '../../kube/writes/delete-object.ts';
import type { EventRecorder } from '../../kube/writes/event-recorder.ts';
import { StatusWriter } from '../../kube/writes/status-writer.ts';
import { refusedGate } from '../shared/joined-cache.ts';
import { type ClawTask, clawTasks, type RolloutBatch, rolloutBatches } from '../shared/kinds.ts';
import { isGoing } from '../shared/life.ts';
import { FIELD_MANAGER } from '../shared/marks.ts';
import { serverProblem } from '../shared/server-problem.ts';
import { transitionNotes } from '../shared/transition-notes.ts';
import { GateFacts } from './gate-facts.ts';
import { type FrozenTask, planTask, type TaskPlan } from './plan.ts';
import { type GateVerdicts, taskStatus } from './status.ts';

export interface ClawTaskParts {
  readonly client: KubeClient;
  readonly server: Pick<ClawGymServer, 'taskSet' | 'rollouts'>;
  readonly recorder: Pick<EventRecorder, 'record'>;
  readonly tasks: Cache<ClawTask>;
  /** With the index `owner`: `byControllerUid`. */
  readonly batches: Cache<RolloutBatch>;
  readonly controlling: Pick<ControllerOptions, 'clock' | 'logger' | 'workers' | 'metrics'>;
  /** Between two status writes of one task, default 1 s. */
  readonly minIntervalMs?: number;
}

/** Runs the gates of a task that need no model, and writes what each of them says. */
export function clawTaskController(parts: ClawTaskParts): Controller {
  const reconciler = new ClawTaskReconciler(parts);
  return new Controller({
    name: 'clawtask',
    reconcile: async (key, { signal }) => reconciler.reconcile(key, signal),
    sources: [
      watchObjects('clawtasks', parts.tasks),
      watchOwned('rolloutbatches', parts.batches, clawTasks),
    ],
    readGates: reconciler.readGates,
    ...parts.controlling,
  });
}

class ClawTaskReconciler {
  readonly #parts: ClawTaskParts;
  readonly #facts: GateFacts;
  readonly #written: WrittenVersions<ClawTask>;
  readonly #writtenBatches: WrittenVersions<RolloutBatch>;
  readonly #status: StatusWriter<ClawTask>;

  constructor(parts: ClawTaskParts) {
    const { client, recorder, minIntervalMs = 1000 } = parts;
    this.#parts = parts;
    this.#facts = new GateFacts(parts.server);
    this.#written = new WrittenVersions(parts.tasks);
    this.#writtenBatches = new WrittenVersions(parts.batches);
    this.#status = new StatusWriter({
      ...{ client: client.for(clawTasks), fieldManager: FIELD_MANAGER, recorder },
      ...{ clock: parts.controlling.clock, written: this.#written, minIntervalMs },
    });
  }

  get readGates(): readonly ReadGate[] {
    const { batches, tasks } = this.#parts;
    return [refusedGate(tasks), refusedGate(batches), this.#written, this.#writtenBatches];
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<ReconcileResult> {
    const task = this.#parts.tasks.get(key);
    if (task === undefined || isGoing(task)) {
      this.#facts.forget(key);
      return DONE;
    }
    const frozen = await this.#freeze(task, signal);
    if (!('facts' in frozen)) return await this.#write(task, undefined, frozen.verdicts, signal);
    const children = this.#parts.batches.byIndex('owner', task.metadata.uid ?? '');
    const plan = planTask(task, frozen, children);
    await this.#carryOut(task, plan, signal);
    const runs: Partial<Record<GateRun, RunRows>> = {};
    for (const run of plan.runs) runs[run.run] = await this.#facts.rows(task, run, signal);
    return await this.#write(task, frozen, gateVerdicts(frozen.facts, runs), signal);
  }

  /** The task as the server froze it, or why it cannot be: what the task's author has to mend. */
  async #freeze(
    task: ClawTask,
    signal: AbortSignal,
  ): Promise<FrozenTask | { readonly verdicts: GateVerdicts }> {
    try {
      return await this.#facts.freeze(task, signal);
    } catch (thrown) {
      if (!(thrown instanceof ClawError)) throw thrown;
      const { code, message, retryable } = thrown;
      if (!retryable) {
        const rest = unknown('StaticFailed', 'not run: mend what StaticPassed says first');
        return { verdicts: everyGate(rest, failed(code, message)) };
      }
      // A verdict that stands is not unsaid because the server is away.
      if (task.status?.observedGeneration !== task.metadata.generation) {
        const verdicts = everyGate(unknown(serverProblem(thrown).reason, message));
        await this.#write(task, undefined, verdicts, signal);
      }
      throw thrown;
    }
  }

  async #carryOut(task: ClawTask, plan: TaskPlan, signal: AbortSignal): Promise<void> {
    const batches = this.#parts.client.for(rolloutBatches);
    const call = { signal, fieldManager: FIELD_MANAGER };
    const key = keyOf(task);
    for (const batch of plan.remove)
      await deleteObject(batches, batch, { signal, propagationPolicy: 'Background' });
    for (const batch of plan.create)
      this.#writtenBatches.record(key, await createOwned(batches, batch, task, call));
    const spec = { suspend: task.spec.suspend };
    for (const batch of plan.change) {
      const { resourceVersion } = batch.metadata;
      const patch = { type: 'merge', body: { metadata: { resourceVersion }, spec } } as const;
      this.#writtenBatches.record(key, await batches.patch(keyOf(batch), patch, call));
    }
  }

  async #write(
    task: ClawTask,
    frozen: FrozenTask | undefined,
    verdicts: GateVerdicts,
    signal: AbortSignal,
  ): Promise<ReconcileResult> {
    const next = taskStatus(task, frozen, verdicts, this.#parts.controlling.clock.now());
    const notes = transitionNotes(task, task.status?.conditions, next.conditions);
    const write = await this.#status.write(task, next, signal, notes);
    return write.kind === 'postponed' ? { requeueAfterMs: write.waitMs } : DONE;
  }
}

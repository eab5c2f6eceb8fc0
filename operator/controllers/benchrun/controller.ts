import { ClawError, errorMessage } from '../../../src/base/error.ts';
import type { ClawGymServer } from '../../../src/protocol/claw-gym-server.ts';
import { KubeError } from '../../kube/base/kube-error.ts';
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
import { type RolloutBatch, rolloutBatches } from '../shared/kinds.ts';
import { isGoing, isOver } from '../shared/life.ts';
import { FIELD_MANAGER, MANAGED_BY } from '../shared/marks.ts';
import { refusalWords } from '../shared/next-steps.ts';
import { serverProblem } from '../shared/server-problem.ts';
import { transitionNotes } from '../shared/transition-notes.ts';
import { ArmScores } from './arm-scores.ts';
import { earliest, msUntilExpiry } from './deadlines.ts';
import { type BenchRun, benchRuns } from './kinds.ts';
import { type BenchPlan, type Problem, planBench } from './plan.ts';
import { benchStatus, endedStatus } from './status.ts';

export interface BenchRunParts {
  readonly client: KubeClient;
  readonly server: Pick<ClawGymServer, 'benchResults'>;
  readonly recorder: Pick<EventRecorder, 'record'>;
  readonly benches: Cache<BenchRun>;
  /** With the index `owner`: `byControllerUid`. */
  readonly batches: Cache<RolloutBatch>;
  readonly controlling: Pick<ControllerOptions, 'clock' | 'logger' | 'workers' | 'metrics'>;
  /** Between two status writes of one bench, default 1 s. */
  readonly minIntervalMs?: number;
  /** Between two questions for the scores of a bench that runs, default 5 s. */
  readonly scoresIntervalMs?: number;
}

/** Makes one RolloutBatch an arm, and a summary of what they found. */
export function benchRunController(parts: BenchRunParts): Controller {
  const { benches, batches, controlling } = parts;
  const reconciler = new BenchRunReconciler(parts);
  return new Controller({
    name: 'benchrun',
    reconcile: async (key, { signal }) => reconciler.reconcile(key, signal),
    sources: [watchObjects('benchruns', benches), watchOwned('rolloutbatches', batches, benchRuns)],
    readGates: reconciler.readGates,
    ...controlling,
  });
}

class BenchRunReconciler {
  readonly #parts: BenchRunParts;
  readonly #written: WrittenVersions<BenchRun>;
  readonly #writtenBatches: WrittenVersions<RolloutBatch>;
  readonly #status: StatusWriter<BenchRun>;
  readonly #scores: ArmScores;

  constructor(parts: BenchRunParts) {
    const { client, server, recorder, minIntervalMs = 1000, scoresIntervalMs = 5000 } = parts;
    const { clock } = parts.controlling;
    this.#parts = parts;
    this.#written = new WrittenVersions(parts.benches);
    this.#writtenBatches = new WrittenVersions(parts.batches);
    this.#status = new StatusWriter({
      ...{ client: client.for(benchRuns), fieldManager: FIELD_MANAGER, clock },
      ...{ recorder, written: this.#written, minIntervalMs },
    });
    this.#scores = new ArmScores({ server, clock, intervalMs: scoresIntervalMs });
  }

  get readGates(): readonly ReadGate[] {
    const { batches, benches } = this.#parts;
    return [refusedGate(benches), refusedGate(batches), this.#written, this.#writtenBatches];
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<ReconcileResult> {
    const bench = this.#parts.benches.get(key);
    if (bench === undefined || isOver(bench)) this.#scores.forget(key);
    if (bench === undefined) return DONE;
    const { managedBy } = bench.spec;
    if (managedBy !== undefined && managedBy !== MANAGED_BY) return DONE;
    if (isGoing(bench)) return DONE;
    return await (isOver(bench) ? this.#ended(bench, signal) : this.#steer(bench, signal));
  }

  async #steer(bench: BenchRun, signal: AbortSignal): Promise<ReconcileResult> {
    const { clock } = this.#parts.controlling;
    const children = this.#parts.batches.byIndex('owner', bench.metadata.uid ?? '');
    const plan = planBench(bench, children, clock.now());
    const refusal = await this.#carryOut(bench, plan, signal);
    const { answer, error, waitMs } = await this.#scores.of(bench, plan, signal);
    const trouble = refusal === undefined ? silence(error) : refused(refusal);
    const next = benchStatus({ bench, plan, answer, trouble }, clock.now());
    const notes = transitionNotes(bench, bench.status?.conditions, next.conditions);
    const write = await this.#status.write(bench, next, signal, notes);
    if (refusal !== undefined) throw refusal;
    return earliest(
      waitMs,
      write.kind === 'postponed' ? write.waitMs : undefined,
      plan.deadline === undefined || plan.deadlineOver ? undefined : plan.deadline - clock.now(),
    );
  }

  /** What the API server will not do is returned: it belongs into the status first. */
  async #carryOut(
    bench: BenchRun,
    plan: BenchPlan,
    signal: AbortSignal,
  ): Promise<KubeError | undefined> {
    const batches = this.#parts.client.for(rolloutBatches);
    const call = { signal, fieldManager: FIELD_MANAGER };
    const key = keyOf(bench);
    try {
      for (const batch of plan.create)
        this.#writtenBatches.record(key, await createOwned(batches, batch, bench, call));
      for (const { batch, spec } of plan.change) {
        const { resourceVersion } = batch.metadata;
        const patch = { type: 'merge', body: { metadata: { resourceVersion }, spec } } as const;
        this.#writtenBatches.record(key, await batches.patch(keyOf(batch), patch, call));
      }
      return undefined;
    } catch (thrown) {
      if (thrown instanceof KubeError && REFUSALS.has(thrown.code)) return thrown;
      throw thrown;
    }
  }

  async #ended(bench: BenchRun, signal: AbortSignal): Promise<ReconcileResult> {
    const leftMs = msUntilExpiry(bench, this.#parts.controlling.clock.now());
    if (leftMs !== undefined && leftMs <= 0) {
      const benches = this.#parts.client.for(benchRuns);
      await deleteObject(benches, bench, { signal, propagationPolicy: 'Background' });
      return DONE;
    }
    const write = await this.#status.write(bench, endedStatus(bench, bench.status ?? {}), signal);
    return earliest(leftMs, write.kind === 'postponed' ? write.waitMs : undefined);
  }
}

/** Answers that time alone does not change: a name that is taken, a right that is missing. */
const REFUSALS: ReadonlySet<string> = new Set(['NotOwned', 'Forbidden', 'Invalid']);

const refused = (error: KubeError): Problem => ({
  reason: 'BatchRefused',
  message: refusalWords(error),
});

/** Why there is no answer: the server is away, or it will not give one. */
function silence(error: unknown): Problem | undefined {
  if (error === undefined) return undefined;
  if (!(error instanceof ClawError))
    return { reason: 'ServerUnavailable', message: errorMessage(error) };
  if (!error.retryable) return { reason: 'ResultsRefused', message: error.message };
  return serverProblem(error);
}

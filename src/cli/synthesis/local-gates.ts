import type { PreparedAgent } from '../../agents/agent.ts';
import type { AgentHost } from '../../agents/agent-host.ts';
import { agentFor } from '../../agents/registry.ts';
import { asBatchId } from '../../base/brand.ts';
import { canonicalJson } from '../../base/canonical-json.ts';
import type { Clock } from '../../base/clock.ts';
import { sha256 } from '../../base/digest.ts';
import { ClawError } from '../../base/error.ts';
import type { BatchPlan, Engine, EngineObserver } from '../../engines/engine.ts';
import { CHEAT_BOUNDS } from '../../rollouts/cheat-bounds.ts';
import type { GateRun, RunPlan } from '../../rollouts/gates/gate-runs.ts';
import type { Line, RunRows } from '../../rollouts/gates/verdict.ts';
import { type BatchSettings, DEFAULT_SETTINGS } from '../../server/planning/batch-settings.ts';
import { planRefusal, planRollouts } from '../../server/planning/plan-rollouts.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import { gateLines } from '../../store/gate-lines.ts';
import type { RecordStore, RolloutRow } from '../../store/records.ts';
import type { Candidate } from '../../synthesis/candidate.ts';
import { gateNote } from '../../synthesis/gate-notes.ts';
import type { GateReport, GateRunner } from '../../synthesis/gate-runner.ts';
import { taskSetDigest } from '../../tasks/set/task-set-bytes.ts';
import type { TaskSet } from '../../tasks/task-set.ts';
import { keepTaskSet } from '../keep-task-set.ts';

export interface LocalGatesOptions {
  readonly engine: Engine;
  readonly store: RecordStore;
  readonly artifacts: ArtifactStore;
  readonly host: AgentHost;
  readonly clock: Clock;
}

const SETTINGS: BatchSettings = { ...DEFAULT_SETTINGS, budgets: {} };
/** A trial may be one of many: what does not end in a fifth of its time is mended or given up. */
const TRIAL_SETTINGS: BatchSettings = { ...SETTINGS, timeoutPercent: 20 };
const UNWATCHED: EngineObserver = {
  started: () => undefined,
  retried: () => undefined,
  decided: () => undefined,
};

interface GateBatch {
  readonly run: GateRun;
  readonly plan: BatchPlan;
}

/** The gates' runs as batches of the local engine: same sandboxes, same verdict rules, same store. */
export class LocalGates implements GateRunner {
  readonly #options: LocalGatesOptions;

  constructor(options: LocalGatesOptions) {
    this.#options = options;
  }

  async run(
    { entry, blobs }: Candidate,
    plans: readonly RunPlan[],
    label: string,
    signal: AbortSignal,
  ): Promise<GateReport> {
    const { engine, artifacts } = this.#options;
    const digest = await taskSetDigest([entry], blobs, signal);
    const set: TaskSet = { digest, tasks: [entry], blobs };
    await keepTaskSet(artifacts, set, signal);
    const batches = [];
    for (const plan of plans) batches.push(...(await this.#batches(plan, set, label)));
    await this.#reopen(batches);
    // Records run side by side; each has one sandbox at a time.
    await engine.run(
      batches.map(({ plan }) => plan),
      { parallelism: 1, signal, observer: UNWATCHED },
    );
    signal.throwIfAborted();
    return await this.#report(plans, batches);
  }

  /** What failed for the host's reasons is tried again: nothing is shown by it. */
  async #reopen(batches: readonly GateBatch[]): Promise<void> {
    const { store } = this.#options;
    for (const { plan } of batches) {
      await store.planBatch(plan.batch, plan.rollouts);
      for (const { id, decision } of await store.listRollouts(plan.batch.id)) {
        if (decision?.outcome === 'infra_error') await store.reopenRollout(id);
      }
    }
  }

  /** One batch a plan; for cheats one a family, since a local batch has one agent. */
  async #batches({ run, agent, samples }: RunPlan, set: TaskSet, label: string) {
    if (run !== 'cheats') return [await this.#batch(run, agent.name, samples, set, label)];
    const families = CHEAT_BOUNDS.slice(0, samples);
    return await Promise.all(
      families.map(({ family }) => this.#batch(run, `cheat:${family}`, 1, set, label)),
    );
  }

  async #batch(
    run: GateRun,
    name: string,
    samples: number,
    set: TaskSet,
    label: string,
  ): Promise<GateBatch> {
    const agent = await agentFor({ name }, this.#options.host).fromImage();
    const [entry] = set.tasks;
    if (entry === undefined) throw new ClawError('Internal', 'a candidate without a task');
    const place = `${entry.task.id}-${entry.digest.slice(0, 12)}`;
    const id = asBatchId(`${place}-${label}-${name.replaceAll(':', '-')}`);
    const spec = canonicalJson({ agent: identity(agent), samples, taskSet: set.digest });
    const plan: BatchPlan = {
      batch: {
        id,
        owner: { kind: 'SynthesisJob', name: place, arm: `${label}-${name}` },
        ...{ taskSet: set.digest, specDigest: sha256(spec), spec },
        createdAt: this.#options.clock.now(),
      },
      rollouts: planRollouts(id, set.tasks, samples, (task) => planRefusal(task, agent)),
      ...{ taskSet: set, agent, model: undefined },
      settings: label === 'trial' ? TRIAL_SETTINGS : SETTINGS,
    };
    return { run, plan };
  }

  async #report(plans: readonly RunPlan[], batches: readonly GateBatch[]): Promise<GateReport> {
    const runs: Partial<Record<GateRun, RunRows>> = {};
    const notes: string[] = [];
    for (const { run } of plans) {
      const lines: Line[] = [];
      for (const { plan } of batches.filter((batch) => batch.run === run)) {
        const rows = await this.#options.store.listRollouts(plan.batch.id);
        const failed = rows.find(({ decision }) => decision?.outcome === 'infra_error');
        if (failed !== undefined) {
          throw new ClawError(
            'SandboxFailed',
            `gate run ${failed.id} could not be carried out (${failed.decision?.reason})`,
          );
        }
        // Families of cheats are told apart by their sample, as in a batch that plays all of them.
        for (const line of gateLines(rows)) lines.push({ ...line, sample: lines.length });
        for (const row of rows) notes.push(gateNote(plan.agent.name, row, await this.#words(row)));
      }
      runs[run] = { kind: 'rows', rows: lines, place: batches[0]?.plan.batch.id ?? run };
    }
    return { runs, notes };
  }

  /** What a verifier that gave no result said last. */
  async #words({ decision }: RolloutRow): Promise<string> {
    if (decision?.attempt === undefined || decision.checks.length > 0) return '';
    const rows = await this.#options.store.listVerifications(decision.attempt);
    return rows.findLast(({ message }) => message !== '')?.message ?? '';
  }
}

function identity({ name, version, configDigest }: PreparedAgent) {
  return { name, version, configDigest };
}

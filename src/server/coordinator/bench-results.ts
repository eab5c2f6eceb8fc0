import { artifactDigest } from '../../api/model-ref.ts';
import { asBatchId } from '../../base/brand.ts';
import { canonicalJson } from '../../base/canonical-json.ts';
import { ClawError } from '../../base/error.ts';
import { fourDigits } from '../../base/four-digits.ts';
import { armKind } from '../../bench/arm-kind.ts';
import { buildResults } from '../../bench/build-results.ts';
import { loadArm } from '../../bench/load-arm.ts';
import type { ArmResult, Results } from '../../bench/results.ts';
import type { ArmFacts, RunFacts, TaskFacts } from '../../bench/run-facts.ts';
import type { BenchResultsAnswer, BenchResultsBody } from '../../protocol/operator-api.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import type { ClusterStore } from '../../store/cluster-records.ts';
import { type OverlapDeps, trainingOverlap } from '../../training/contamination.ts';
import { fixedSampling } from '../planning/batch-settings.ts';
import { runParameters } from '../planning/run-parameters.ts';
import type { BatchDirectory } from './batch-directory.ts';
import type { LiveBatch } from './live-batch.ts';

export interface BenchResultsOptions {
  readonly store: ClusterStore;
  readonly artifacts: ArtifactStore;
  readonly directory: BatchDirectory;
  readonly product: { readonly name: string; readonly version: string };
  /** Tasks of a stored set; rejects where it cannot be read. */
  readonly tasksOf: OverlapDeps['tasksOf'];
}

/** Benches whose last answer is kept. */
const KEEP = 200;

/**
 * Statistics over the batches of a bench's arms: those of the local report, from the same rows by the
 * same functions. Computed again only where a rollout was decided since.
 */
export class BenchStatistics {
  readonly #options: BenchResultsOptions;
  readonly #last = new Map<
    string,
    { readonly state: string; readonly answer: BenchResultsAnswer }
  >();

  constructor(options: BenchResultsOptions) {
    this.#options = options;
  }

  async answer(uid: string, body: BenchResultsBody): Promise<BenchResultsAnswer> {
    const batches = new Map<string, LiveBatch>();
    for (const arm of body.arms) {
      const batch = await this.#options.directory.find(asBatchId(arm.batchUid));
      if (batch !== undefined) batches.set(arm.name, batch);
    }
    const state = canonicalJson(
      body.arms.map(({ name, batchUid }) => [name, batchUid, decidedOf(batches.get(name))]),
    );
    const known = this.#last.get(uid);
    if (known?.state === state) return known.answer;
    const answer = await this.#compute(body, batches);
    this.#last.delete(uid);
    this.#last.set(uid, { state, answer });
    const [oldest] = this.#last.keys();
    if (this.#last.size > KEEP && oldest !== undefined) this.#last.delete(oldest);
    return answer;
  }

  async #compute(
    body: BenchResultsBody,
    batches: ReadonlyMap<string, LiveBatch>,
  ): Promise<BenchResultsAnswer> {
    const facts = await this.#facts(body, batches);
    if (facts === undefined) return { arms: [] };
    const results = buildResults(facts);
    const arms = results.arms.map(armSummary);
    const complete =
      batches.size === body.arms.length &&
      results.arms.every(({ outcomes }) => (outcomes.undecided ?? 0) === 0);
    if (!complete) return { arms };
    // Not canonical: the checks keep the order in which their verifier gave them.
    const whole = buildResults(await this.#withTraining(facts, batches));
    const bytes = Buffer.from(`${JSON.stringify(whole)}\n`);
    const { digest } = await this.#options.artifacts.put(bytes);
    // No row names it, but it is to last as long as what it was made of.
    for (const { planned } of batches.values()) {
      await this.#options.store.pinArtifact(planned.row.id, digest);
    }
    return { arms, results: digest };
  }

  /** What the models of ours among the arms learned of these tasks: asked once, of the whole. */
  async #withTraining(facts: RunFacts, batches: ReadonlyMap<string, LiveBatch>): Promise<RunFacts> {
    const arms: ArmFacts[] = [];
    for (const arm of facts.arms) {
      const planned = batches.get(arm.name)?.planned;
      const model = planned?.frozen.spec.model?.artifact;
      const training =
        planned === undefined || model === undefined
          ? undefined
          : await trainingOverlap(
              artifactDigest(model),
              [...planned.tasks.values()],
              this.#options,
            );
      arms.push({ ...arm, training });
    }
    return { ...facts, arms };
  }

  async #facts(
    body: BenchResultsBody,
    batches: ReadonlyMap<string, LiveBatch>,
  ): Promise<RunFacts | undefined> {
    const arms: ArmFacts[] = [];
    const tasks = new Map<string, TaskFacts>();
    for (const [name, batch] of batches) {
      arms.push(await loadArm(this.#options.store, batch.planned.row.id, labelOf(name, batch)));
      for (const task of taskFacts(batch)) tasks.set(task.id, task);
    }
    const [first] = batches.values();
    if (first === undefined) return undefined;
    refuseOtherTasks(body, batches, first);
    return {
      name: body.name,
      createdAt: body.createdAt,
      product: this.#options.product,
      taskSet: first.planned.row.taskSet,
      tasks: [...tasks.values()],
      score: first.planned.settings.score,
      command: `kubectl apply (BenchRun ${body.namespace}/${body.name})`,
      parameters: runParameters(
        first.planned.frozen.spec.samples,
        first.planned.settings,
        [...batches].map(([name, { planned }]) => ({
          ...{ name, budgets: planned.settings.budgets },
          sampling: planned.frozen.spec.model && fixedSampling(planned.frozen.spec.model.sampling),
        })),
      ),
      arms,
    };
  }
}

/** Positions are only decided, never taken back, but for a reopened rollout: so the outcomes too. */
function decidedOf(batch: LiveBatch | undefined): unknown {
  return batch?.rollouts.map(({ decided }) => decided?.at ?? 0).reduce((sum, at) => sum + at, 0);
}

function labelOf(name: string, { planned }: LiveBatch): Omit<ArmFacts, 'batch' | 'rollouts'> {
  const { agent, spec } = planned.frozen;
  return {
    name,
    kind: armKind(spec.agent.name, spec.model === undefined ? 'nothing' : 'endpoint'),
    agent,
    model: spec.model?.name,
  };
}

function taskFacts({ planned }: LiveBatch): readonly TaskFacts[] {
  return [...planned.tasks.values()].map(({ task, digest }) => ({
    id: task.id,
    digest,
    category: task.category,
    cluster: task.cluster,
    agentCode: task.verifier?.agentCode ?? 'unknown',
  }));
}

function refuseOtherTasks(
  { name }: BenchResultsBody,
  batches: ReadonlyMap<string, LiveBatch>,
  first: LiveBatch,
): void {
  for (const [arm, { planned }] of batches) {
    if (planned.row.taskSet === first.planned.row.taskSet) continue;
    throw new ClawError(
      'Conflict',
      `BenchRun ${name}: arm ${arm} ran task set ${planned.row.taskSet}, another arm ${first.planned.row.taskSet}; arms of different tasks are never compared`,
    );
  }
}

function armSummary(arm: ArmResult): BenchResultsAnswer['arms'][number] {
  const { interval, mean, outcomes, planned, notGradable } = arm;
  const all = planned + notGradable;
  return {
    name: arm.name,
    planned: all,
    decided: all - (outcomes.undecided ?? 0),
    ...(mean.final !== null && { score: fourDigits(mean.final) }),
    ...(interval !== null && {
      scoreLow: fourDigits(interval.low),
      scoreHigh: fourDigits(interval.high),
    }),
    coverage: fourDigits(arm.coverage),
    missingRate: fourDigits(missingRate(arm)),
    outcomes: { ...outcomes },
    tokens: arm.tokens.input + arm.tokens.output,
    seconds: Math.round(arm.seconds),
  };
}

function missingRate({ outcomes, planned }: Results['arms'][number]): number {
  const { infra_error = 0, verifier_error = 0, judge_error = 0, cancelled = 0 } = outcomes;
  const missing = infra_error + verifier_error + judge_error + cancelled;
  return planned === 0 ? 0 : missing / planned;
}

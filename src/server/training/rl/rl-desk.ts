import { evaluationResult } from '../../../api/evaluation-result.ts';
import { asBatchId, type Sha256 } from '../../../base/brand.ts';
import type { Clock } from '../../../base/clock.ts';
import { ClawError } from '../../../base/error.ts';
import { InTurn } from '../../../base/in-turn.ts';
import type { PlanRlBody, RlState } from '../../../protocol/rl-api.ts';
import type { ArtifactStore } from '../../../store/artifacts.ts';
import type { ClusterStore } from '../../../store/cluster-records.ts';
import { namedInCluster, readModel } from '../../../training/model-manifest.ts';
import { type FinishedTraining, KEPT_EVALUATIONS } from '../../../training/model-record.ts';
import { boardSource } from '../../../training/rl/batch-source.ts';
import type { ServedBatches } from '../../../training/rl/forwarded-batches.ts';
import { freezeStep } from '../../../training/rl/freeze-step.ts';
import { nextActions, type RlAction, type SeenRun } from '../../../training/rl/next-actions.ts';
import { evaluationName, stepBatchName } from '../../../training/rl/rl-run.ts';
import type { Trained } from '../../../training/rl/step-notes.ts';
import { frozenTasks, type ResolveTasks } from './frozen-tasks.ts';
import { type KeptPoliciesOptions, keepPolicy, modelOfVersion } from './kept-policies.ts';
import { decidedBatch, type LiveRl, openRl } from './live-rl.ts';
import { parseRlSpec, planText, type RlPlan, readPlan, runOf } from './rl-plan.ts';
import { rlState } from './rl-state.ts';
import { seenEvaluations } from './seen-evaluations.ts';

export interface RlDeskOptions extends Pick<KeptPoliciesOptions, 'isOwn'> {
  readonly store: ClusterStore;
  readonly artifacts: Pick<ArtifactStore, 'put' | 'read' | 'size' | 'stream'>;
  readonly resolve: ResolveTasks;
  readonly clock: Clock;
  /** How long a trainer's question is held open, in milliseconds; absent: 15 s. */
  readonly pollMs?: number;
}

type RollOut = Extract<RlAction, { readonly do: 'rollOut' }>;
type Freeze = Extract<RlAction, { readonly do: 'freeze' }>;

/**
 * The coordinator of reinforcement in a cluster: what to do next is decided here, from rows, by the same
 * function as on one machine. The operator carries the batches that it asks for; the trainer's pod asks it
 * for token batches and says which are trained.
 */
export class RlDesk {
  readonly #options: RlDeskOptions;
  readonly #turns = new InTurn();
  readonly #live = new Map<string, Promise<LiveRl>>();

  constructor(options: RlDeskOptions) {
    this.#options = options;
  }

  /** Freezes what a run is made of, or says how a known one stands. Throws `Conflict` for another spec. */
  async plan(uid: string, body: PlanRlBody, signal: AbortSignal): Promise<RlState> {
    await this.#turns.run(`plan ${uid}`, async () => {
      const { store, artifacts, clock, resolve } = this.#options;
      const { namespace, name, base } = body;
      const spec = parseRlSpec(name, body.spec);
      const known = await store.getRl(uid);
      await readModel(base, artifacts, namedInCluster(`TrainingRun ${name}: spec.base`, namespace));
      const tasks =
        known === undefined ? await frozenTasks(body, spec, resolve, signal) : readPlan(known.plan);
      const plan: RlPlan = { ...tasks, namespace, name, base, spec };
      // Too few tasks are said before anything is kept.
      runOf(plan);
      await store.planRl({ run: uid, plan: planText(plan), createdAt: clock.now() });
    });
    return await this.state(uid);
  }

  /** How the run stands, with everything done that the server itself can do. */
  async state(uid: string): Promise<RlState> {
    const live = await this.#get(uid);
    const { store } = this.#options;
    const actions = await this.#turns.run(uid, () => this.#goOn(live));
    const evaluations = await seenEvaluations(live, store);
    const model = await modelOfVersion(live, live.board.newest, store);
    const rollOut = actions.find((action): action is RollOut => action.do === 'rollOut');
    const batch = rollOut && (await store.getRlBatch(uid, rollOut.batch.name));
    return rlState({ live, actions, model, evaluations, batch });
  }

  /** The RolloutBatch that plays one that is wanted; later it may be another one. */
  async batchMade(uid: string, part: string, batch: string): Promise<void> {
    const { run } = await this.#get(uid);
    await this.#options.store.setRlBatch(uid, `${run.name}-${part}`, asBatchId(batch));
  }

  /** The tasks that its steps were drawn from and what its evaluations found, for the record of its model. */
  async drawn(uid: string): Promise<Pick<FinishedTraining, 'taskSet' | 'tasks' | 'evaluations'>> {
    const live = await this.#get(uid);
    const { plan, run, board } = live;
    const { store } = this.#options;
    const tasks = new Set<Sha256>();
    for (const { frozen } of board.steps) {
      const batch = await decidedBatch(uid, stepBatchName(run.name, frozen.step), store);
      const rows = batch === undefined ? [] : await store.listRollouts(batch);
      for (const { taskDigest } of rows) tasks.add(taskDigest);
    }
    const found = await seenEvaluations(live, store, KEPT_EVALUATIONS);
    return {
      taskSet: plan.tasks.set,
      tasks: [...tasks].toSorted(),
      evaluations: found.map(evaluationResult),
    };
  }

  /** What the trainer of the run asks for. */
  async source(uid: string): Promise<ServedBatches> {
    const live = await this.#get(uid);
    const { artifacts, clock, pollMs } = this.#options;
    // The board of a server that was started anew does not know yet whether it is over.
    await this.#turns.run(uid, () => this.#goOn(live));
    const acknowledge = (number: number, word: Trained) => this.#trained(live, number, word);
    const source = boardSource({ board: live.board, artifacts, clock, pollMs, acknowledge });
    const keep = (number: number, word: Trained) => this.#keepPolicy(live, number, word);
    return { ...source, keepPolicy: (...told) => this.#inTurn(live, () => keep(...told)) };
  }

  /** Out of memory: its rows are about to go. */
  forget(uid: string): void {
    this.#live.delete(uid);
  }

  async #get(uid: string): Promise<LiveRl> {
    const known = this.#live.get(uid) ?? this.#open(uid);
    this.#live.set(uid, known);
    try {
      return await known;
    } catch (thrown) {
      if (this.#live.get(uid) === known) this.#live.delete(uid);
      throw thrown;
    }
  }

  async #open(uid: string): Promise<LiveRl> {
    const { store, artifacts } = this.#options;
    const row = await store.getRl(uid);
    if (row === undefined) {
      throw new ClawError('NotFound', `no reinforcement of TrainingRun ${uid} is planned`);
    }
    const plan = readPlan(row.plan);
    return await openRl(uid, plan, await readModel(plan.base, artifacts), store);
  }

  /** Does what needs nobody else, and says what is left. */
  async #goOn(live: LiveRl): Promise<readonly RlAction[]> {
    for (;;) {
      const actions = nextActions(live.run, await this.#seen(live));
      const freeze = actions.find((action): action is Freeze => action.do === 'freeze');
      if (freeze !== undefined) {
        await this.#freeze(live, freeze);
        continue;
      }
      if (actions.some((action) => action.do === 'awaitTrainerEnd')) live.board.close();
      return actions;
    }
  }

  /**
   * The trainer is a Job of its own, which is started again until it is over; and each batch names the
   * model of its version, so that whatever answers it is the right one.
   */
  async #seen({ uid, board, run }: LiveRl): Promise<SeenRun> {
    const steps = board.seen();
    const { length } = steps;
    const decided = new Set<string>();
    for (const name of [evaluationName(run.name, length), stepBatchName(run.name, length + 1)]) {
      if ((await decidedBatch(uid, name, this.#options.store)) !== undefined) decided.add(name);
    }
    const trainer = { state: 'running' } as const;
    return { steps, decided, published: false, serving: board.newest, trainer };
  }

  async #freeze(live: LiveRl, { batch, number }: Freeze): Promise<void> {
    const { store, artifacts } = this.#options;
    const { rl, context } = live.plan.spec;
    const { template, tokenizer } = live.base;
    const { temperature, topP } = rl.sampling;
    const frozen = await freezeStep(
      batch,
      { store, artifacts },
      {
        ...{ number, batchId: await decidedBatch(live.uid, batch.name, store) },
        ...{ minSamples: rl.groups.minSamples, maxRowTokens: context.maxTokens },
        ...{ cutAnswers: rl.algorithm.cutAnswers, versionOf: 'batch' },
        sampledBy: {
          ...{ templateSha256: template.sha256, tokenizerSha256: tokenizer.sha256 },
          ...{ temperature, topP },
        },
      },
    );
    await live.board.freeze(frozen);
  }

  /** The policy first: a version that is acknowledged is one that can be served. */
  async #trained(live: LiveRl, number: number, word: Trained): Promise<void> {
    await this.#inTurn(live, async () => {
      await this.#keepPolicy(live, number, word);
      await live.board.acknowledge(number, word);
    });
  }

  /** Of a batch that is not trained yet; what does not fit to it is refused with the word about it. */
  async #keepPolicy({ board, ...live }: LiveRl, number: number, word: Trained): Promise<void> {
    const known = board.batch(number);
    if (known === undefined || known.trained !== undefined) return;
    if (word.policyVersion === number) await keepPolicy(live, word, this.#options);
  }

  #inTurn<T>({ uid }: LiveRl, work: () => Promise<T>): Promise<T> {
    return this.#turns.run(`policies ${uid}`, work);
  }
}

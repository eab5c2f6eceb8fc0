import { parseJson } from '../../base/brand.ts';
import { canonicalJson } from '../../base/canonical-json.ts';
import type { Clock } from '../../base/clock.ts';
import { ClawError } from '../../base/error.ts';
import { InTurn } from '../../base/in-turn.ts';
import type { ModelHold } from '../../protocol/model-hold.ts';
import type { WorkerFailure } from '../../protocol/synthesis-api.ts';
import {
  type PlanSynthesisBody,
  type SynthesisState,
  type SynthesisSteering,
  zSynthesisState,
} from '../../protocol/synthesis-server.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import type { ClusterStore } from '../../store/cluster-records.ts';
import type { SynthesisRunRow } from '../../store/synthesis-runs.ts';
import type { TaskSetShelf } from '../coordinator/task-set-shelf.ts';
import type { SecretUpstreams } from '../upstreams/secret-upstreams.ts';
import type { UpstreamQuestions } from '../upstreams/upstream-questions.ts';
import { askedModel, parseSynthesisSpec, readFrozenJob, refuseOtherJob } from './frozen-job.ts';
import { GateRounds } from './gate-rounds.ts';
import { JobTally } from './job-tally.ts';
import { type LiveJob, openLiveJob, readSteering } from './live-job.ts';
import { planJob } from './plan-job.ts';

export interface SynthesisDeskOptions {
  readonly store: ClusterStore;
  readonly artifacts: ArtifactStore;
  readonly shelf: Pick<TaskSetShelf, 'get' | 'store'>;
  readonly upstreams: Pick<SecretUpstreams, 'check' | 'of'>;
  readonly questions: Pick<UpstreamQuestions, 'look'>;
  readonly clock: Clock;
}

export type Result = NonNullable<SynthesisState['result']>;

/** What the operator asks of SynthesisJobs (design: cluster.md 12), over rows; the HTTP side is a shell. */
export class SynthesisDesk {
  readonly gates: GateRounds;
  readonly #options: SynthesisDeskOptions;
  readonly #turns = new InTurn();
  readonly #live = new Map<string, Promise<LiveJob>>();
  /** They outlive what a job is steered by: a call that is under way then is counted all the same. */
  readonly #tallies = new Map<string, Promise<JobTally>>();

  constructor(options: SynthesisDeskOptions) {
    this.#options = options;
    this.gates = new GateRounds(options);
  }

  /** Plans a job, or says how a known one stands. */
  async plan(uid: string, body: PlanSynthesisBody): Promise<SynthesisState> {
    await this.#turns.run(uid, async () => {
      const { store, artifacts, shelf, clock } = this.#options;
      const known = await store.getSynthesis(uid);
      if (known === undefined) {
        await planJob(uid, body, { runs: store.synthesisRuns, artifacts, shelf, clock });
        return;
      }
      refuseOtherJob(readFrozenJob(known), parseSynthesisSpec(body.name, body.spec));
    });
    return await this.state(uid);
  }

  /** Throws `NotFound` for a job that was never planned. */
  async state(uid: string): Promise<SynthesisState> {
    const run = await this.#run(uid);
    const live = await this.live(uid);
    const { tally, frozen, steering } = live;
    const { worker, failure, result, cancelled } = run;
    const over = result !== undefined || cancelled !== undefined;
    const ref = { job: uid, name: frozen.name };
    const idle = tally.counts().records === 0 || failure !== undefined;
    const modelHold = over ? undefined : await this.#modelHold(live, idle);
    if (over) this.forget(uid);
    const { inputTokens, outputTokens, startedAt } = tally.usage;
    return {
      ...{ uid, steering, target: frozen.spec.target, ...tally.counts() },
      ...{ inputTokens, outputTokens },
      ...(startedAt !== undefined && { startedAt }),
      ...(worker !== undefined && { worker }),
      rounds: over ? [] : [...(await this.gates.open(ref))],
      ...(failure !== undefined && { failure: failureOf(failure) }),
      ...(modelHold !== undefined && { modelHold }),
      ...(cancelled !== undefined && { cancelled }),
      ...(result !== undefined && { result: resultOf(result) }),
    };
  }

  /** A worker that runs keeps to what it was told; the operator starts another one. */
  async steer(uid: string, steering: SynthesisSteering): Promise<void> {
    await this.#run(uid);
    await this.#change(uid, { steering: canonicalJson(steering) });
    this.#live.delete(uid);
  }

  async workerCreated(uid: string, worker: string): Promise<void> {
    await this.#run(uid);
    await this.#change(uid, { worker });
  }

  async gateBatchCreated(uid: string, round: number, batch: string): Promise<void> {
    const { job, name } = await this.#run(uid);
    await this.gates.batchCreated({ job, name }, round, batch);
  }

  async cancel(uid: string, cancelled: string): Promise<void> {
    await this.#run(uid);
    await this.#change(uid, { cancelled });
    this.forget(uid);
  }

  async failed(uid: string, failure: WorkerFailure): Promise<void> {
    const at = this.#options.clock.now();
    await this.#change(uid, { failure: canonicalJson({ ...failure, at }) });
  }

  /** The worker goes on: what broke it before is said no more. */
  async wentOn({ job, failure }: SynthesisRunRow): Promise<void> {
    if (failure !== undefined) await this.#change(job, { failure: null });
  }

  async finish(uid: string, result: Result): Promise<Result> {
    await this.#change(uid, { result: canonicalJson(result) });
    const stored = (await this.#run(uid)).result;
    return stored === undefined ? result : resultOf(stored);
  }

  /** Who asks meanwhile gets the same. */
  async live(uid: string): Promise<LiveJob> {
    const opening = this.#live.get(uid) ?? this.#open(uid);
    this.#live.set(uid, opening);
    try {
      return await opening;
    } catch (thrown) {
      this.#live.delete(uid);
      throw thrown;
    }
  }

  forget(uid: string): void {
    this.#live.delete(uid);
    this.#tallies.delete(uid);
  }

  async #open(uid: string): Promise<LiveJob> {
    const { store } = this.#options;
    const job = await store.getSynthesis(uid);
    if (job === undefined) throw notPlanned(uid);
    const { steering } = await this.#run(uid);
    const counting = this.#tallies.get(uid) ?? JobTally.open(store, uid);
    this.#tallies.set(uid, counting);
    const tally = await counting.catch((thrown: unknown) => {
      this.#tallies.delete(uid);
      throw thrown;
    });
    const parts = { uid, tally, frozen: readFrozenJob(job), steering: readSteering(steering) };
    return openLiveJob(parts, this.#options);
  }

  async #run(uid: string): Promise<SynthesisRunRow> {
    const run = await this.#options.store.synthesisRuns.getSynthesisRun(uid);
    if (run === undefined) throw notPlanned(uid);
    return run;
  }

  async #change(
    uid: string,
    changes: Parameters<ClusterStore['synthesisRuns']['changeSynthesisRun']>[1],
  ): Promise<void> {
    await this.#options.store.synthesisRuns.changeSynthesisRun(uid, changes);
  }

  /** A job whose records are under way asks nothing: its calls say how the endpoint is. */
  async #modelHold({ frozen }: LiveJob, idle: boolean): Promise<ModelHold | undefined> {
    const { questions, upstreams } = this.#options;
    for (const role of ['generator', 'judge'] as const) {
      const place = `spec.models.${role}`;
      const asked = askedModel(frozen, role);
      try {
        await upstreams.check(asked.namespace, asked.secret);
      } catch (thrown) {
        if (!(thrown instanceof ClawError) || thrown.retryable) throw thrown;
        return { reason: 'UpstreamUnfit', message: `${place}: ${thrown.message}` };
      }
      const hold = idle ? questions.look(asked) : undefined;
      if (hold !== undefined) return { ...hold, message: `${place}: ${hold.message}` };
    }
    return undefined;
  }
}

const notPlanned = (uid: string): ClawError =>
  new ClawError('NotFound', `no synthesis ${uid} is planned`);

const { failure: zFailure, result: zResult } = zSynthesisState.shape;

function failureOf(text: string) {
  return zFailure.unwrap().parse(parseJson(text));
}

function resultOf(text: string): Result {
  return zResult.unwrap().parse(parseJson(text));
}

import { ClawError, errorMessage } from '../../../src/base/error.ts';
import { retryAfterOf } from '../../../src/protocol/operator-client.ts';
import type { TrainingState } from '../../../src/protocol/training-api.ts';
import { KubeError } from '../../kube/base/kube-error.ts';
import type { WriteOptions } from '../../kube/client/resource-client.ts';
import { DONE, type ReconcileResult } from '../../kube/controller/reconcile.ts';
import { keyOf, type ObjectKey } from '../../kube/objects/object-key.ts';
import { deleteObject } from '../../kube/writes/delete-object.ts';
import { StatusWriter } from '../../kube/writes/status-writer.ts';
import { earliest, msUntilExpiry } from '../benchrun/deadlines.ts';
import { ShortageReader } from '../rolloutbatch/shortage.ts';
import { type TrainingRun, trainingRuns } from '../shared/kinds.ts';
import { isGoing, isOver } from '../shared/life.ts';
import { FIELD_MANAGER, MANAGED_BY } from '../shared/marks.ts';
import { refusalWords } from '../shared/next-steps.ts';
import { serverProblem } from '../shared/server-problem.ts';
import { transitionNotes } from '../shared/transition-notes.ts';
import { carryOut } from './carry-out.ts';
import type { TrainingControllerOptions } from './controller.ts';
import { type InputProblem, resolveInputs } from './inputs.ts';
import { clusterFacts, modeOf, observedOf } from './look.ts';
import { planActions } from './plan.ts';
import { REFUSALS } from './refusals.ts';
import { Reinforcement } from './rl/reinforcement.ts';
import { readRuntime } from './runtime.ts';
import { shortTrainers } from './short-trainers.ts';
import { trainingStatus } from './status.ts';
import type { TrainingView } from './view.ts';

const TICK_MS = 2000;
/** Somebody has to do something, and nothing tells when it is done. */
const BLOCKED_MS = 10_000;
const SERVER_AWAY_MS = 3000;
/** Steps that only the server sees need no new view of the cluster. */
const MAX_ROUNDS = 4;

/** One look at a run: ask the server, do what is to be done, say how it is. */
export class TrainingReconciler {
  readonly #options: TrainingControllerOptions;
  readonly #status: StatusWriter<TrainingRun>;
  readonly #shortages: ShortageReader;
  readonly #reinforcement: Reinforcement;

  constructor(options: TrainingControllerOptions) {
    const { client, controlling, recorder, world, minIntervalMs = 1000 } = options;
    const { clock } = controlling;
    this.#options = options;
    this.#shortages = new ShortageReader(client, clock);
    this.#reinforcement = new Reinforcement({ ...options, clock });
    this.#status = new StatusWriter({
      ...{ client: client.for(trainingRuns), fieldManager: FIELD_MANAGER, clock },
      ...{ recorder, written: world.writtenRuns, minIntervalMs },
    });
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<ReconcileResult> {
    const run = this.#options.world.runs.get(key);
    if (run === undefined || isGoing(run)) return DONE;
    if ((run.spec.managedBy ?? MANAGED_BY) !== MANAGED_BY) return DONE;
    return isOver(run) ? await this.#over(run, signal) : await this.#steer(run, signal);
  }

  async #steer(run: TrainingRun, signal: AbortSignal): Promise<ReconcileResult> {
    const { world, controlling, tickMs = TICK_MS } = this.#options;
    const call = { signal, fieldManager: FIELD_MANAGER };
    const now = controlling.clock.now();
    const uid = run.metadata.uid ?? '';
    const view: TrainingView = {
      run,
      mode: modeOf(run, undefined, now),
      ...clusterFacts(world, uid, now),
      state: undefined,
      problem: undefined,
      rl: undefined,
      serverAway: undefined,
      forbidden: undefined,
      storeFull: false,
    };
    let waitMs: number = tickMs;
    try {
      await this.#work(view, uid, call);
      if (view.problem !== undefined)
        waitMs = Math.max(tickMs, view.problem.waits ? 0 : BLOCKED_MS);
    } catch (thrown) {
      if (!(thrown instanceof ClawError)) throw thrown;
      signal.throwIfAborted();
      waitMs = retryAfterOf(thrown) ?? SERVER_AWAY_MS;
      const { message, reason } = serverProblem(thrown);
      if (thrown.code !== 'Conflict')
        Object.assign(view, { serverAway: message, serverReason: reason });
    }
    const next = trainingStatus(view, controlling.clock.now());
    const notes = transitionNotes(run, run.status?.conditions, next.conditions);
    const write = await this.#status.write(run, next, signal, notes);
    return earliest(waitMs, write.kind === 'postponed' ? write.waitMs : undefined);
  }

  async #work(view: TrainingView, uid: string, call: WriteOptions): Promise<void> {
    const { server, world, controlling, installation } = this.#options;
    view.state = (await server.training(uid, call)) ?? (await this.#plan(view, uid, call));
    if (view.state === undefined) return;
    view.storeFull = (await installation.current(call)).info.storeFull;
    await this.#reinforce(view, view.state, call);
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const now = controlling.clock.now();
      view.mode = modeOf(view.run, view.state, now);
      Object.assign(view, clusterFacts(world, uid, now));
      const seen = { ...view, mayStart: !view.storeFull && view.problem === undefined };
      const actions = planActions(observedOf(view.run, view.state, seen));
      const next = await this.#carryOut(actions, view, uid, call);
      if (next === undefined) break;
      view.state = next;
    }
    const short = shortTrainers(
      world.jobs.byIndex('owner', uid),
      view.pods,
      controlling.clock.now(),
    );
    const words = await this.#shortages.words(uid, short, call);
    if (words !== undefined) view.forbidden ??= { reason: 'PodsForbidden', message: words };
  }

  /** Its tasks are frozen before a trainer waits for them; a run that learns nothing more is ended. */
  async #reinforce(view: TrainingView, training: TrainingState, call: WriteOptions): Promise<void> {
    const { run } = view;
    const { rl } = run.spec;
    if (rl === undefined) return;
    const { server, controlling } = this.#options;
    const uid = run.metadata.uid ?? '';
    const mode = modeOf(run, training, controlling.clock.now());
    const going = mode === 'run' && training.end === undefined;
    view.rl = await this.#reinforcement.look(run, rl, { training, going }, call);
    if (view.rl.forbidden !== undefined) {
      view.forbidden = { reason: 'BatchesForbidden', message: view.rl.forbidden };
    }
    view.problem = view.rl.problem;
    const failure = view.rl.state?.failure;
    if (failure === undefined || training.end !== undefined) return;
    await server.cancelTraining(uid, failure, call);
    view.state = (await server.training(uid, call)) ?? training;
  }

  /** The newest state; undefined where there was nothing to do, or the caches are behind now. */
  async #carryOut(
    actions: ReturnType<typeof planActions>,
    view: TrainingView,
    uid: string,
    call: WriteOptions,
  ): Promise<TrainingState | undefined> {
    const { client, server, world } = this.#options;
    const { run } = view;
    let state: TrainingState | undefined;
    for (const action of actions) {
      if (action.do === 'create' && !(await this.#mayCreate(view, call))) continue;
      const written = (job: Parameters<typeof world.writtenJobs.record>[1]): void =>
        world.writtenJobs.record(keyOf(run), job);
      const blueprint = () => this.#blueprint(view, call);
      try {
        const work = { run, uid, client, server, call, blueprint, written };
        state = (await carryOut(action, work)) ?? state;
      } catch (thrown) {
        if (!(thrown instanceof KubeError) || !REFUSALS.has(thrown.code)) throw thrown;
        view.forbidden = { reason: 'JobsForbidden', message: refusalWords(thrown) };
      }
      if (action.do === 'create' || action.do === 'delete') {
        // What was written is not in the caches yet: the next run waits for it.
        view.state = state ?? view.state;
        return undefined;
      }
    }
    return state;
  }

  /** Undefined where the run cannot be planned; `view.problem` says why. */
  async #plan(
    view: TrainingView,
    uid: string,
    call: WriteOptions,
  ): Promise<TrainingState | undefined> {
    const { client, server, world } = this.#options;
    const resolved = resolveInputs(view.run, world);
    if (resolved.problem !== undefined) {
      view.problem = resolved.problem;
      return undefined;
    }
    const runtime = await readRuntime(client, view.run, call);
    if (runtime.problem !== undefined) {
      view.problem = runtime.problem;
      return undefined;
    }
    try {
      const { image } = runtime.spec.trainer;
      return await server.planTraining(uid, { ...resolved.body, image }, call);
    } catch (thrown) {
      if (!(thrown instanceof ClawError) || thrown.retryable) throw thrown;
      view.problem = planRefused(thrown);
      return undefined;
    }
  }

  async #mayCreate(view: TrainingView, call: WriteOptions): Promise<boolean> {
    const { client, installation, namespaces } = this.#options;
    const runtime = await readRuntime(client, view.run, call);
    view.problem = runtime.problem;
    if (runtime.problem !== undefined) return false;
    const { namespace = '' } = view.run.metadata;
    const { pods } = await installation.current(call);
    const refused = await namespaces.prepare(namespace, pods, call);
    if (refused === undefined) return true;
    view.problem = { reason: 'NamespaceNotPrepared', message: refused.message, waits: false };
    return false;
  }

  /** With the image that the run was frozen to, whatever the runtime names by now. */
  async #blueprint(view: TrainingView, call: WriteOptions) {
    const { client, installation } = this.#options;
    const found = await readRuntime(client, view.run, call);
    if (found.problem !== undefined) throw new ClawError('Internal', found.problem.message);
    const image = view.state?.inputs.image ?? found.spec.trainer.image;
    const runtime = { ...found.spec, trainer: { ...found.spec.trainer, image } };
    return { runtime, installation: (await installation.current(call)).pods };
  }

  /** A run that has ended keeps what it says, until its time to live is over. */
  async #over(run: TrainingRun, signal: AbortSignal): Promise<ReconcileResult> {
    const { client, controlling } = this.#options;
    this.#shortages.forget(run.metadata.uid ?? '');
    await this.#reinforcement.end(run, { signal, fieldManager: FIELD_MANAGER });
    const leftMs = msUntilExpiry(run, controlling.clock.now());
    if (leftMs === undefined || leftMs > 0) return earliest(leftMs);
    const options = { signal, propagationPolicy: 'Background' } as const;
    await deleteObject(client.for(trainingRuns), run, options);
    return DONE;
  }
}

const planRefused = (thrown: ClawError): InputProblem => ({
  reason: 'PlanRefused',
  message: errorMessage(thrown),
  waits: false,
});

import { ClawError, errorMessage } from '../../../../src/base/error.ts';
import type { PolicyServing } from '../../../../src/protocol/policy-server.ts';
import type { RlState } from '../../../../src/protocol/rl-api.ts';
import type { TrainingState } from '../../../../src/protocol/training-api.ts';
import type { TrainingServer } from '../../../../src/protocol/training-server.ts';
import type { Clock } from '../../../kube/base/clock.ts';
import { KubeError } from '../../../kube/base/kube-error.ts';
import type { WriteOptions } from '../../../kube/client/resource-client.ts';
import type { KubeClient } from '../../../kube/client/typed-client.ts';
import type { ConditionState } from '../../../kube/objects/conditions.ts';
import { keyOf } from '../../../kube/objects/object-key.ts';
import { createOwned } from '../../../kube/writes/create-owned.ts';
import type { InstallationReader } from '../../rolloutbatch/installation.ts';
import type { NamespaceKeeper } from '../../rolloutbatch/namespace.ts';
import { rolloutBatches, type TrainingRun } from '../../shared/kinds.ts';
import { refusalWords } from '../../shared/next-steps.ts';
import { servesLater } from '../../shared/policy/plan-policy.ts';
import { PolicyPods } from '../../shared/policy/policy-pods.ts';
import type { InputProblem } from '../inputs.ts';
import { REFUSALS } from '../refusals.ts';
import type { TrainingWorld } from '../world.ts';
import { planReinforcement, type RlPlan, type RlStep } from './plan.ts';
import { runPolicy } from './policy.ts';
import type { RlOf } from './step-batch.ts';
import { readRlSources } from './task-sources.ts';

/** What one look at the rollouts of a run found. */
export interface RlSeen {
  /** Undefined before its tasks are frozen. */
  readonly state: RlState | undefined;
  readonly playing: RlPlan['playing'];
  /** Why its tasks are not frozen. */
  readonly problem: InputProblem | undefined;
  /** Why a batch of it does not go on before somebody does something. */
  readonly blocked: string | undefined;
  /** Whether the policy that answers its batches is served; undefined where none is needed. */
  readonly policy: ConditionState | undefined;
  /** The API server's own words and what to do, where it takes a batch of it not. */
  readonly forbidden: string | undefined;
}

const NOTHING: RlSeen = {
  ...{ state: undefined, playing: undefined, problem: undefined },
  ...{ blocked: undefined, policy: undefined, forbidden: undefined },
};

export interface ReinforcementOptions {
  readonly client: KubeClient;
  readonly server: Pick<TrainingServer, 'planRl' | 'rl' | 'rlBatch'> & PolicyServing;
  readonly world: Pick<TrainingWorld, 'runs' | 'batches' | 'writtenBatches'>;
  readonly clock: Clock;
  readonly installation: Pick<InstallationReader, 'current'>;
  readonly namespaces: Pick<NamespaceKeeper, 'prepare'>;
}

/**
 * Carries the rollouts of reinforcement runs: the server says which batch is to run, this makes its object.
 * Throws `ServerUnavailable`, and what the API
 * server answers otherwise than with a refusal.
 */
export class Reinforcement {
  readonly #options: ReinforcementOptions;
  readonly #policies: PolicyPods;

  constructor(options: ReinforcementOptions) {
    this.#options = options;
    this.#policies = new PolicyPods(options);
    options.world.runs.subscribe(({ type, object }) => {
      if (type === 'deleted') this.#policies.forget(object.metadata.uid ?? '');
    });
  }

  /** The run is over: nothing of it is asked any more. */
  async end(run: TrainingRun, call: WriteOptions): Promise<void> {
    if (run.spec.rl !== undefined) await this.#policies.end(run, call);
  }

  /** @param training the run as it is planned; its base is what the first policy is */
  async look(
    run: TrainingRun,
    rl: RlOf,
    { training, going }: { readonly training: TrainingState; readonly going: boolean },
    call: WriteOptions,
  ): Promise<RlSeen> {
    const { server, world } = this.#options;
    const uid = run.metadata.uid ?? '';
    const known = (await server.rl(uid, call)) ?? (await this.#plan(run, rl, training, call));
    if ('reason' in known) return { ...NOTHING, problem: known };
    const batches = world.batches.byIndex('owner', uid);
    const observed = { run, rl, state: known, batches, going };
    const { steps, playing, problem } = planReinforcement(observed);
    const seen = { ...NOTHING, state: known, playing, blocked: problem };
    try {
      for (const step of steps) await this.#carryOut(step, run, uid, call);
      return { ...seen, ...(await this.#serve(run, { state: known, playing, going }, call)) };
    } catch (thrown) {
      if (!(thrown instanceof KubeError) || !REFUSALS.has(thrown.code)) throw thrown;
      return { ...seen, forbidden: refusalWords(thrown) };
    }
  }

  async #carryOut(step: RlStep, run: TrainingRun, uid: string, call: WriteOptions): Promise<void> {
    const { client, server, world } = this.#options;
    const objects = client.for(rolloutBatches);
    switch (step.do) {
      case 'create': {
        const made = await createOwned(objects, step.batch, run, call);
        return world.writtenBatches.record(keyOf(run), made);
      }
      case 'tell':
        return await server.rlBatch(uid, step.part, step.uid, call);
      case 'suspend': {
        const { batch, suspend } = step;
        const { resourceVersion } = batch.metadata;
        const body = { metadata: { resourceVersion }, spec: { suspend } };
        const changed = await objects.patch(keyOf(batch), { type: 'merge', body }, call);
        return world.writtenBatches.record(keyOf(run), changed);
      }
    }
  }

  /** One policy pod for all steps: told with every look which version it is to serve, and to whom. */
  async #serve(
    run: TrainingRun,
    seen: { state: RlState; playing: RlPlan['playing']; going: boolean },
    call: WriteOptions,
  ): Promise<Partial<RlSeen>> {
    const { installation, namespaces } = this.#options;
    const wanted = runPolicy({ run, ...seen });
    if (wanted === undefined) {
      await this.#policies.end(run, call);
      return {};
    }
    const { pods } = await installation.current(call);
    const refused = await namespaces.prepare(run.metadata.namespace ?? '', pods, call);
    if (refused !== undefined) return { blocked: refused.message };
    const { condition, served } = await this.#policies.look(run, wanted, pods, call);
    const passes = served || servesLater(condition);
    return { policy: condition, ...(!passes && { blocked: condition.message }) };
  }

  async #plan(
    run: TrainingRun,
    rl: RlOf,
    { inputs: { base } }: TrainingState,
    call: WriteOptions,
  ): Promise<RlState | InputProblem> {
    const { client, server } = this.#options;
    const { name, namespace = '', uid = '' } = run.metadata;
    const sources = await readRlSources(client, namespace, rl, call.signal);
    if (sources.problem !== undefined) {
      const { message, waits } = sources.problem;
      return { reason: waits ? 'Waiting' : 'TasksNotFound', message, waits };
    }
    try {
      const body = { namespace, name, spec: run.spec, base, ...sources.body };
      return await server.planRl(uid, body, call);
    } catch (thrown) {
      if (!(thrown instanceof ClawError) || thrown.retryable) throw thrown;
      return { reason: 'PlanRefused', message: errorMessage(thrown), waits: false };
    }
  }
}

import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { asBatchId } from '../../base/brand.ts';
import { systemClock } from '../../base/clock.ts';
import { ClawError } from '../../base/error.ts';
import type { Logger } from '../../base/logger.ts';
import type { EngineObserver } from '../../engines/engine.ts';
import type { LocalEngine } from '../../engines/local/local-engine.ts';
import { startPolicyServer } from '../../engines/local/policy-server.ts';
import { PolicyUpstream } from '../../engines/local/policy-upstream.ts';
import { TrainerProcess } from '../../engines/local/trainer-process.ts';
import { TokenUpstream } from '../../gateway/token-upstream.ts';
import { driveRun } from '../../training/rl/drive-run.ts';
import { type EvaluationFacts, evaluationFacts } from '../../training/rl/evaluation-facts.ts';
import type { FreezeOptions } from '../../training/rl/freeze-step.ts';
import { planRlRun } from '../../training/rl/plan-rl-run.ts';
import { evaluationName, type RlRun, type WantedBatch } from '../../training/rl/rl-run.ts';
import { StepBoard } from '../../training/rl/step-board.ts';
import type { FrozenStep } from '../../training/rl/step-notes.ts';
import { noteSteps } from '../../training/rl/step-rows.ts';
import type { CliEnvironment } from '../environment.ts';
import type { RunTasks } from '../load-tasks.ts';
import type { LocalSession } from '../local-session.ts';
import { refuseOtherSpec } from '../refuse-other-spec.ts';
import type { TrainerPrograms } from '../training/trainer-programs.ts';
import { startBatchHttp } from './batch-http.ts';
import { LocalWorld } from './local-world.ts';
import { policyFolder } from './policy-folders.ts';
import { evaluationLine, stepLine } from './progress-lines.ts';
import type { ReinforceRequest } from './reinforce-request.ts';
import { openRolloutSide, type RolloutSide } from './rollout-side.ts';
import { stepPlan } from './step-plan.ts';

export interface ReinforceOptions {
  readonly environment: CliEnvironment;
  /** Output folder; its store keeps the run. */
  readonly out: string;
  readonly programs: Pick<TrainerPrograms, 'policyServer' | 'tokenGrpo' | 'env'>;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Progress, a line a step. */
  readonly say: (text: string) => void;
  /** For controls; absent: the verifier's rewards. */
  readonly reshape?: FreezeOptions['reshape'];
}

/** What a run did, when it is done. */
export interface ReinforceEnd {
  readonly steps: readonly FrozenStep[];
  readonly evaluations: readonly EvaluationFacts[];
}

const MODEL_NAME = 'policy';

/**
 * Trains on this machine to the end of the run: RUN_OUT then holds `result.json` and `model/`. Killed at
 * any moment and called again over the same folders it goes on. Throws `TrainingFailed` where it cannot.
 */
export async function reinforceLocal(
  request: ReinforceRequest,
  options: ReinforceOptions,
): Promise<ReinforceEnd> {
  const { folders } = request;
  for (const folder of Object.values(folders)) await mkdir(folder, { recursive: true });
  await using stack = new AsyncDisposableStack();
  const policy = stack.use(policyUpstream(request, options));
  const upstreams = new Map([[MODEL_NAME, new TokenUpstream(policy)]]);
  const side = await openRolloutSide(request, options, upstreams, stack);
  const { session } = side;
  const run = rlRun(request, side);
  const board = await StepBoard.open(run.steps, noteSteps(run.name, session.store));
  const http = stack.use(await startBatchHttp(run.name, board, session.artifacts, folders.work));
  const specFile = await request.writeSpec(http);
  const trainer = stack.use(trainerProcess(request, options, specFile));
  const { say } = options;
  const world = new LocalWorld({
    ...{ run, board, policy, trainer, store: session.store, artifacts: session.artifacts },
    freeze: freezeOptions(request, options),
    runBatch: (batch, signal) => runBatch(batch, request, side, options, signal),
    policyFiles: (version) => policyFolder(version, board, folders),
    publish: () => Promise.resolve(),
    observer: {
      frozen: (step) => say(stepLine(step, run.steps)),
      evaluated: async ({ step }) => {
        say(evaluationLine(await evaluated(run.name, step, board, session)));
      },
    },
  });
  await driveRun(run, world, options.signal);
  return {
    steps: board.steps.map(({ frozen }) => frozen),
    evaluations: await allEvaluations(run, board, session),
  };
}

async function allEvaluations(
  { name, steps, evaluate }: RlRun,
  board: StepBoard,
  session: LocalSession,
): Promise<readonly EvaluationFacts[]> {
  const facts: EvaluationFacts[] = [];
  for (let step = evaluate?.every ?? steps + 1; step <= steps; step += evaluate?.every ?? 1) {
    facts.push(await evaluated(name, step, board, session));
  }
  return facts;
}

function policyUpstream(
  { base, folders }: ReinforceRequest,
  { programs, logger }: ReinforceOptions,
): PolicyUpstream {
  return new PolicyUpstream({
    ...{ name: MODEL_NAME, clock: systemClock, random: Math.random, logger },
    first: () => {
      const what = `no version of the policy on sha256:${base.digest} was asked for`;
      return Promise.reject(new ClawError('Internal', what));
    },
    start: (files, signal) =>
      startPolicyServer({
        ...{ ...files, command: programs.policyServer, env: programs.env, name: MODEL_NAME },
        ...{ folder: folders.work, clock: systemClock, signal },
      }),
  });
}

function trainerProcess(
  { folders, graceSeconds }: ReinforceRequest,
  { programs }: ReinforceOptions,
  specFile: string,
): TrainerProcess {
  return new TrainerProcess({
    command: programs.tokenGrpo,
    env: { ...programs.env, RUN_SPEC: specFile, RUN_IN: folders.in, RUN_OUT: folders.out },
    ...{ folder: folders.work, graceMs: graceSeconds * 1000, clock: systemClock },
  });
}

function freezeOptions(
  { groups, base, sampling, maxRowTokens, cutAnswers }: ReinforceRequest,
  { reshape }: ReinforceOptions,
): Omit<FreezeOptions, 'number'> {
  const { templateSha256, tokenizerSha256 } = base;
  const { temperature, topP } = sampling;
  const sampledBy = { templateSha256, tokenizerSha256, temperature, topP };
  return { minSamples: groups.minSamples, maxRowTokens, cutAnswers, sampledBy, reshape };
}

function rlRun(request: ReinforceRequest, { tasks, evaluationTasks }: RolloutSide): RlRun {
  const ids = ({ set }: RunTasks): readonly string[] => set.tasks.map(({ task }) => task.id);
  const { name, seed, steps, groups, evaluation, trainerRetries } = request;
  const facts = { name, seed, steps, groups, evaluation, trainerRetries };
  return planRlRun(facts, ids(tasks), ids(evaluationTasks));
}

const SILENT: EngineObserver = {
  started: () => undefined,
  retried: () => undefined,
  decided: () => undefined,
};

async function runBatch(
  wanted: WantedBatch,
  { name, base, sampling, settings, parallelism }: ReinforceRequest,
  { agent, session, tasks, evaluationTasks }: RolloutSide,
  { out }: ReinforceOptions,
  signal: AbortSignal,
): Promise<void> {
  const fixed = {
    temperature: Number(sampling.temperature),
    top_p: Number(sampling.topP),
    ...(sampling.maxTokens !== undefined && { max_tokens: sampling.maxTokens }),
  };
  const model = { name: MODEL_NAME, upstream: MODEL_NAME, base: base.digest, sampling: fixed };
  const sets = { taskSet: tasks.set, evaluationTasks: evaluationTasks.set };
  const plan = stepPlan(wanted, { run: name, agent, settings, model, ...sets }, systemClock.now());
  await refuseOtherSpec([plan], session.store, out);
  const engine: LocalEngine = session.engine;
  const options = { parallelism: parallelism ?? availableParallelism(), signal, observer: SILENT };
  await engine.run([plan], options);
}

async function evaluated(
  run: string,
  step: number,
  board: StepBoard,
  { store }: LocalSession,
): Promise<EvaluationFacts> {
  const rows = await store.listRollouts(asBatchId(evaluationName(run, step)));
  const policyVersion = board.steps.slice(0, step).filter(({ trained }) => trained).length;
  return evaluationFacts({ step, policyVersion }, rows);
}

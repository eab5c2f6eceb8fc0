import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { systemClock } from '../base/clock.ts';
import { ClawError, toClawError } from '../base/error.ts';
import type { Logger } from '../base/logger.ts';
import { PRODUCT } from '../base/product.ts';
import { loadArm } from '../bench/load-arm.ts';
import type { RunFacts, TaskFacts } from '../bench/run-facts.ts';
import { removePartialOutput, type WrittenOutput, writeOutput } from '../bench/write-output.ts';
import type { BatchPlan } from '../engines/engine.ts';
import { hostMemoryFacts, memoryScratchFolder } from '../engines/local/memory-scratch.ts';
import { CompiledVerifiers } from '../phases/compiled-verifiers.ts';
import { ensureGradePrograms } from '../phases/grade-programs.ts';
import { runParameters } from '../server/planning/run-parameters.ts';
import type { RecordStore } from '../store/records.ts';
import type { TaskSet } from '../tasks/task-set.ts';
import { batchPlans } from './batch-plans.ts';
import { checkUpstreams, upstreamChecks } from './check-upstreams.ts';
import type { CliEnvironment } from './environment.ts';
import { keepTaskSet } from './keep-task-set.ts';
import { loadTasks } from './load-tasks.ts';
import { openHostSandbox } from './local-host.ts';
import { type LocalSession, openLocalSession } from './local-session.ts';
import { openAhead } from './open-ahead.ts';
import { type PreparedArm, prepareArms } from './prepare-arms.ts';
import { type ProgressCounts, type ProgressTime, startProgress } from './progress.ts';
import { refuseOtherRun, refuseOtherSpec } from './refuse-other-spec.ts';
import { reopenInfraErrors } from './reopen-infra-errors.ts';
import { runInTurn } from './run-in-turn.ts';
import type { RunRequest } from './run-request.ts';
import { sandboxNode } from './sandbox-node.ts';
import { ServedModels } from './served-models.ts';
import type { StatusLine } from './status-line.ts';
import { isStop } from './stop-signal.ts';
import { withTraining } from './training-overlap.ts';

export interface ExecuteOptions {
  readonly environment: CliEnvironment;
  /** Output folder; made where it is missing. */
  readonly out: string;
  /** The command line, for the report. */
  readonly command: string;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly progress: StatusLine;
  readonly time: ProgressTime;
}

export interface ExecutedRun extends WrittenOutput {
  /** False where the signal stopped the run before every rollout was decided. */
  readonly finished: boolean;
  /** What broke the engine, where something did; the output holds what was decided before. */
  readonly failure: Error | undefined;
}

/** The line that runs a real model, shown wherever a run has none. */
export const REAL_MODEL_COMMAND =
  'bin/clawgym bench --tasks examples/tasks --agent pi --model MODEL --base-url URL';

/** Rollouts from which a sandbox that compiles their verifiers first saves more than it takes. */
const WORTH_COMPILING = 32;

/**
 * Runs a request on this machine to its end, to the signal or to a failure of the engine; writes the
 * output in each case. Throws where nothing of it could start, or where the output cannot be written.
 */
export async function executeRun(
  request: RunRequest,
  options: ExecuteOptions,
): Promise<ExecutedRun> {
  const { environment, logger, signal } = options;
  const out = resolve(environment.cwd, options.out);
  // The sandbox opens in a process of its own, while this one imports the tasks.
  await using opening = openAhead((stop) => openHostSandbox(environment, logger, stop), signal);
  await using tasks = await loadTasks(request.tasks, logger, signal);
  const taskSet = tasks.set;
  const sandbox = await opening.value;
  const nodeVersion = process.versions.node;
  const { cacheDir, uid, env } = environment;
  const programsDir = await ensureGradePrograms({ cacheDir, sandbox, signal });
  await using compiled = new CompiledVerifiers({ cacheDir, sandbox, logger });
  const nodePath = await sandboxNode(process.execPath, nodeVersion, cacheDir, uid);
  const host = { nodePath, nodeVersion, env };
  await using models = new ServedModels({ out, environment, logger, signal });
  const context = { environment, host, logger, signal, models };
  const { arms: prepared, upstreams } = await prepareArms(request.arms, context);
  const arms = await withTraining(prepared, taskSet.tasks, { out, logger, signal });
  await using session = await openLocalSession({
    out,
    sandbox,
    memoryFolder: memoryScratchFolder(hostMemoryFacts()),
    programsDir,
    compiled,
    upstreams,
    logger,
    signal,
  });
  await keepTaskSet(session.artifacts, tasks.whole, signal);
  const plans = batchPlans(request, arms, taskSet, systemClock.now());
  const leftOut = await refuseOtherRun(plans, session.store, options.out);
  await refuseOtherSpec(plans, session.store, options.out);
  if (leftOut.length > 0) {
    logger.info({ arms: leftOut }, 'arms of earlier runs in this folder are not in this report');
  }
  if (request.modelCheck !== false) {
    const checks = await upstreamChecks(arms, plans, upstreams, session.store);
    await checkUpstreams(checks, { logger, signal });
  }
  const counts = await planAll(plans, session, request.retryInfraErrors ?? false);
  if (counts.planned - counts.decidedBefore >= WORTH_COMPILING) {
    compiled.prepare(taskSet);
  }
  const failure = await runPlans(plans, counts, { request, arms, session }, options);
  try {
    await removePartialOutput(out);
    const facts = await runFacts(request, arms, plans, taskSet, session.store, options.command);
    const written = await writeOutput(options.out, facts, { realModelCommand: REAL_MODEL_COMMAND });
    return { ...written, finished: !signal.aborted || allDecided(written), failure };
  } catch (cause) {
    throw failure ?? cause;
  }
}

function allDecided({ results }: WrittenOutput): boolean {
  return results.arms.every(({ outcomes }) => (outcomes.undecided ?? 0) === 0);
}

async function planAll(
  plans: readonly BatchPlan[],
  { store }: LocalSession,
  retryInfraErrors: boolean,
): Promise<Omit<ProgressCounts, 'parallelism'>> {
  let planned = 0;
  let decidedBefore = 0;
  for (const plan of plans) {
    await store.planBatch(plan.batch, plan.rollouts);
    if (retryInfraErrors) await reopenInfraErrors(store, plan.batch.id);
    const counts = await store.countOutcomes(plan.batch.id);
    planned += counts.planned;
    decidedBefore += counts.planned - counts.undecided;
  }
  return { planned, decidedBefore };
}

interface RunParts {
  readonly request: RunRequest;
  readonly arms: readonly PreparedArm[];
  readonly session: LocalSession;
}

/** Resolves to what broke the engine; a stop breaks nothing. */
async function runPlans(
  plans: readonly BatchPlan[],
  counts: Omit<ProgressCounts, 'parallelism'>,
  { request, arms, session }: RunParts,
  { signal, progress, time }: ExecuteOptions,
): Promise<Error | undefined> {
  const parallelism = request.parallelism ?? availableParallelism();
  const observer = startProgress({ ...counts, parallelism }, progress, time);
  try {
    await runInTurn(plans, arms, session.store, (some) =>
      session.engine.run(some, { parallelism, signal, observer }),
    );
    return undefined;
  } catch (cause) {
    if (isStop(cause, signal)) return undefined;
    return brokenRun(cause);
  } finally {
    observer.stop();
  }
}

/** A store that cannot be written, most often on a full disk, is the user's to mend. */
function brokenRun(cause: unknown): Error {
  if (!(cause instanceof ClawError) || cause.code !== 'StoreUnavailable') {
    return cause instanceof Error ? cause : toClawError(cause);
  }
  const { code, message, retryable } = cause;
  const next =
    'what was decided before is kept: make room or mend the cause, and run the same command again to continue';
  return new ClawError(code, `${message}; ${next}`, { cause, retryable });
}

async function runFacts(
  request: RunRequest,
  arms: readonly PreparedArm[],
  plans: readonly BatchPlan[],
  taskSet: TaskSet,
  store: RecordStore,
  command: string,
): Promise<RunFacts> {
  const armFacts = [];
  let createdAt = Number.POSITIVE_INFINITY;
  for (const [index, arm] of arms.entries()) {
    const batch = await store.getBatch(plans[index]?.batch.id ?? missingPlan(arm));
    if (batch === undefined) return missingPlan(arm);
    createdAt = Math.min(createdAt, batch.createdAt);
    const { name, version, configDigest } = arm.agent;
    const label = {
      name: arm.request.name,
      kind: arm.kind,
      agent: { name, version, configDigest },
      model: arm.request.model?.name,
      training: arm.training,
    };
    armFacts.push(await loadArm(store, batch.id, label));
  }
  return {
    name: request.name,
    createdAt,
    product: PRODUCT,
    taskSet: taskSet.digest,
    tasks: taskSet.tasks.map(taskFacts),
    score: request.settings.score,
    command,
    parameters: runParameters(
      request.samples,
      request.settings,
      request.arms.map(({ name, budgets, model }) => ({
        ...{ name, budgets },
        sampling: model && (model.sampling ?? {}),
      })),
    ),
    arms: armFacts,
  };
}

function missingPlan(arm: PreparedArm): never {
  throw new ClawError('Internal', `arm ${arm.request.name} has no batch`);
}

function taskFacts({ task, digest }: TaskSet['tasks'][number]): TaskFacts {
  return {
    id: task.id,
    digest,
    category: task.category,
    cluster: task.cluster,
    agentCode: task.verifier?.agentCode ?? 'unknown',
  };
}

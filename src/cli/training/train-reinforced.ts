import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClawTask } from '../../api/claw-task.ts';
import { evaluationResult } from '../../api/evaluation-result.ts';
import type { TaskSource } from '../../api/task-source.ts';
import type { TrainingRun } from '../../api/training-run.ts';
import type { TrainingSpec } from '../../api/training-spec.ts';
import { asBatchId, type Sha256 } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import {
  batchSettings,
  DEFAULT_SETTINGS,
  plainBudgets,
} from '../../server/planning/batch-settings.ts';
import { openSqliteReader } from '../../store/sqlite/open.ts';
import type { ModelManifest } from '../../training/model-manifest.ts';
import { resolveRunSpec } from '../../training/resolve-run-spec.ts';
import { doneIn, forgetFailure } from '../../training/result.ts';
import { stepBatchName } from '../../training/rl/rl-run.ts';
import type { RunSpec } from '../../training/run-spec.ts';
import { storeDir } from '../local-session.ts';
import {
  type ReinforceEnd,
  type ReinforceOptions,
  reinforceLocal,
} from '../reinforce/reinforce-local.ts';
import type { ReinforceRequest } from '../reinforce/reinforce-request.ts';
import { localTasks } from '../request-from-manifest.ts';
import type { TrainedEnd, TrainingFolders } from './trained-end.ts';
import { trainingFailure } from './training-failure.ts';

export interface ReinforcedContext extends ReinforceOptions {
  readonly folders: TrainingFolders;
  readonly base: { readonly digest: Sha256; readonly manifest: ModelManifest };
  /** The manifest's file, and the ClawTasks in it. */
  readonly file: string;
  readonly clawTasks: readonly ClawTask[];
}

/**
 * Trains by reinforcement to the end of the run; killed at any moment and called again it goes on. Throws
 * `TrainingFailed` where it cannot.
 */
export async function trainReinforced(
  run: TrainingRun,
  context: ReinforcedContext,
): Promise<TrainedEnd> {
  const { rl } = run.spec;
  if (rl === undefined) throw new ClawError('Internal', 'a run without rl is not reinforced');
  const { folders, out } = context;
  await forgetFailure(folders.out);
  const { steps, evaluations } = await reinforced(
    run.metadata.name,
    requestOf(run, rl, context),
    context,
  );
  return {
    spec: specOf(run, { url: 'http://batches.invalid' }),
    result: await doneIn(folders.out),
    ...(await drawnTasks(run.metadata.name, rl.steps, out)),
    reward: steps.findLast(({ reward }) => reward !== null)?.reward ?? undefined,
    evaluations: evaluations.map(evaluationResult),
  };
}

async function reinforced(
  name: string,
  request: ReinforceRequest,
  context: ReinforcedContext,
): Promise<ReinforceEnd> {
  try {
    return await reinforceLocal(request, context);
  } catch (cause) {
    const failed = cause instanceof ClawError && cause.code === 'TrainingFailed';
    const reason = failed ? cause.details['reason'] : undefined;
    // Of rollouts without a reward the trainer knows nothing.
    if (!failed || typeof reason !== 'string' || reason === 'NoRewards') throw cause;
    throw await trainingFailure(name, { reason, why: cause.message }, context.folders);
  }
}

function specOf(
  { metadata: { name }, spec }: TrainingRun,
  batches: { readonly url: string; readonly tokenFile?: string },
): RunSpec {
  return resolveRunSpec(spec, { run: name, name, device: 'auto', batches });
}

function requestOf(
  run: TrainingRun,
  rl: NonNullable<TrainingSpec['rl']>,
  { folders, base, file, clawTasks, out }: ReinforcedContext,
): ReinforceRequest {
  const { spec, metadata } = run;
  const { digest, manifest } = base;
  const tasksOf = (source: TaskSource) => localTasks(source, clawTasks, file, { out });
  const { gatewayLossSeconds } = DEFAULT_SETTINGS;
  const settings = batchSettings({ ...rl, gatewayLossSeconds });
  const { evaluation } = rl;
  return {
    name: metadata.name,
    base: {
      digest,
      templateSha256: manifest.template.sha256,
      tokenizerSha256: manifest.tokenizer.sha256,
    },
    ...{ seed: spec.seed, steps: rl.steps, groups: rl.groups, agent: rl.agent },
    tasks: tasksOf(rl.tasks),
    evaluation: evaluation && {
      every: evaluation.everySteps,
      tasks: evaluation.tasks && tasksOf(evaluation.tasks),
      samples: evaluation.samples,
    },
    settings: { ...settings, budgets: plainBudgets(rl.budgets) },
    sampling: { ...rl.sampling, maxTokens: rl.sampling.maxTokens },
    cutAnswers: rl.algorithm.cutAnswers,
    maxRowTokens: spec.context.maxTokens,
    trainerRetries: spec.retries.failures,
    graceSeconds: spec.checkpoint.graceSeconds,
    parallelism: rl.parallelism,
    folders,
    writeSpec: async (batches) => {
      const path = join(folders.work, 'run-spec.json');
      await writeFile(path, `${JSON.stringify(specOf(run, batches), null, 2)}\n`);
      return path;
    },
  };
}

/** The set that every step draws from, and what they drew. */
async function drawnTasks(
  name: string,
  steps: number,
  out: string,
): Promise<Pick<TrainedEnd, 'taskSet' | 'tasks'>> {
  await using records = await openSqliteReader(storeDir(out));
  const tasks = new Set<Sha256>();
  for (let step = 1; step <= steps; step += 1) {
    const rows = await records.listRollouts(asBatchId(stepBatchName(name, step)));
    for (const { taskDigest } of rows) tasks.add(taskDigest);
  }
  const first = await records.getBatch(asBatchId(stepBatchName(name, 1)));
  return { taskSet: first?.taskSet, tasks: [...tasks].toSorted() };
}

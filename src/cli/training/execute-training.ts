import { rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { ClawTask } from '../../api/claw-task.ts';
import type { TrainingRun } from '../../api/training-run.ts';
import type { Sha256 } from '../../base/brand.ts';
import { systemClock } from '../../base/clock.ts';
import { importModel } from '../../training/model-artifact.ts';
import type { ModelManifest } from '../../training/model-manifest.ts';
import { modelRecord } from '../../training/model-record.ts';
import { planSteps } from '../../training/plan-steps.ts';
import type { ResultRows } from '../../training/result.ts';
import type { ExecuteOptions } from '../execute-run.ts';
import { openWorkStore } from '../run-outputs/work-store.ts';
import { type BegunTraining, beginTraining } from './begin-training.ts';
import { endTraining, noteFailure } from './end-training.ts';
import { trainReinforced } from './train-reinforced.ts';
import { trainSupervised } from './train-supervised.ts';
import type { TrainedEnd, TrainingFolders } from './trained-end.ts';
import { type TrainerPrograms, trainerPrograms } from './trainer-programs.ts';
import { startTrainingProgress } from './training-progress.ts';

export interface ExecuteTrainingOptions extends Omit<ExecuteOptions, 'command'> {
  /** The manifest's file, and the ClawTasks in it. */
  readonly file: string;
  readonly clawTasks: readonly ClawTask[];
}

/** The model that a run ended with. */
export interface TrainedModel {
  /** What became of the data; absent for reinforcement. */
  readonly rows?: ResultRows | undefined;
  readonly digest: Sha256;
  readonly manifest: ModelManifest;
}

/**
 * Trains on this machine to the end of the run and keeps the model. The same command goes on from the
 * newest checkpoint, and a run that is complete is not done again.
 */
export async function executeTraining(
  run: TrainingRun,
  options: ExecuteTrainingOptions,
): Promise<TrainedModel> {
  const { environment, logger, signal } = options;
  const out = resolve(environment.cwd, options.out);
  const file = resolve(environment.cwd, options.file);
  const work = join(out, 'trainer');
  const folders = { in: join(work, 'in'), out: join(work, 'out'), work };
  const begun = await beginTraining(run, out, folders, { file, work: dirname(out), signal });
  if ('known' in begun) return begun.known;
  const programs = await trainerPrograms(environment, logger, signal);
  try {
    const trained =
      run.spec.rl === undefined
        ? await supervised(run, begun, { folders, programs, out, options })
        : await reinforced(run, begun, { folders, programs, out, options: { ...options, file } });
    return await publish(run, trained, begun, folders, out);
  } catch (cause) {
    await noteFailure(run.metadata.name, cause, out);
    throw cause;
  }
}

interface Context {
  readonly folders: TrainingFolders;
  readonly programs: TrainerPrograms;
  readonly out: string;
  readonly options: ExecuteTrainingOptions;
}

async function supervised(
  run: TrainingRun,
  { rows }: BegunTraining,
  { folders, programs, out, options }: Context,
): Promise<TrainedEnd> {
  // Nobody else trains here meanwhile.
  await using _store = await openWorkStore(out);
  const total = planSteps(run.spec.hyper, rows ?? 0);
  const progress = startTrainingProgress(folders.out, total, options.progress, options.time);
  try {
    const say = (text: string): void => options.progress.write(text);
    const { signal } = options;
    return await trainSupervised(run, { folders, programs, clock: systemClock, signal, say });
  } finally {
    await progress.stop();
  }
}

async function reinforced(
  run: TrainingRun,
  { base }: BegunTraining,
  { folders, programs, out, options }: Context,
): Promise<TrainedEnd> {
  const { environment, logger, signal, file, clawTasks } = options;
  const say = (text: string): void => options.progress.write(text);
  const where = { environment, out, programs, logger, signal, say };
  return await trainReinforced(run, { ...where, folders, base, file, clawTasks });
}

async function publish(
  { metadata: { name } }: TrainingRun,
  trained: TrainedEnd,
  { base, data }: BegunTraining,
  folders: TrainingFolders,
  out: string,
): Promise<TrainedModel> {
  const { result } = trained;
  await using store = await openWorkStore(out);
  const dir = join(folders.out, result.model.path);
  const record = modelRecord({ ...trained, name, base: base.digest, data });
  const model = await importModel(dir, record, store.artifacts);
  await endTraining(name, model.digest, trained, store);
  await rm(folders.in, { recursive: true, force: true });
  await rm(join(folders.out, 'checkpoints'), { recursive: true, force: true });
  return { ...model, rows: result.rows };
}

import { rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { TrainingRun } from '../../api/training-run.ts';
import type { Sha256 } from '../../base/brand.ts';
import { canonicalJson } from '../../base/canonical-json.ts';
import { systemClock } from '../../base/clock.ts';
import { ClawError, errorMessage } from '../../base/error.ts';
import type { ObjectRow } from '../../store/object-records.ts';
import { readExport } from '../../training/export-manifest.ts';
import { frozenInputs, frozenText, trainingDigest } from '../../training/frozen-training.ts';
import { importModel } from '../../training/model-artifact.ts';
import { type ModelManifest, readModel } from '../../training/model-manifest.ts';
import { madeModel, modelOf } from '../../training/model-records.ts';
import { planSteps } from '../../training/plan-steps.ts';
import { type FrozenInputs, materializeInputs } from '../../training/training-inputs.ts';
import type { ExecuteOptions } from '../execute-run.ts';
import { openWorkStore, type WorkStore } from '../work/work-store.ts';
import { freezeInputs, storeOf } from './freeze-inputs.ts';
import { modelRecord } from './model-record.ts';
import { type SupervisedEnd, type TrainingFolders, trainSupervised } from './train-supervised.ts';
import { type TrainerPrograms, trainerPrograms } from './trainer-programs.ts';
import { startTrainingProgress } from './training-progress.ts';

export interface ExecuteTrainingOptions extends Omit<ExecuteOptions, 'command'> {
  /** The manifest's file. */
  readonly file: string;
}

/** The model that a run ended with. */
export interface TrainedModel {
  readonly digest: Sha256;
  readonly manifest: ModelManifest;
}

const KIND = 'TrainingRun';

/**
 * Trains on this machine to the end of the run and keeps the model. The same command goes on from the
 * newest checkpoint, and a run that is complete is not done again.
 */
export async function executeTraining(
  run: TrainingRun,
  options: ExecuteTrainingOptions,
): Promise<TrainedModel> {
  const { environment, file, logger, signal } = options;
  const out = resolve(environment.cwd, options.out);
  const place = { file: resolve(environment.cwd, file), work: dirname(out), signal };
  await using store = await openWorkStore(out);
  const row = await beginRun(run, store, place);
  const known = modelOf(row);
  if (known !== undefined) {
    return { digest: known, manifest: await readModel(known, store.artifacts) };
  }
  const folder = join(out, 'trainer');
  const folders = { in: join(folder, 'in'), out: join(folder, 'out'), work: folder };
  const inputs = frozenInputs(row.spec);
  const rows = await prepare(folders, inputs, store, place);
  const programs = await trainerPrograms(environment, logger, signal);
  try {
    const trained = await supervised(run, rows, { folders, programs, options });
    const model = await publish(run, trained, inputs, folders, store);
    await rm(folders.in, { recursive: true, force: true });
    await rm(join(folders.out, 'checkpoints'), { recursive: true, force: true });
    return model;
  } catch (cause) {
    await noteFailure(run, cause, store);
    throw cause;
  }
}

/** The run's row, with what its names were resolved to when it first began. */
async function beginRun(
  run: TrainingRun,
  store: WorkStore,
  place: Parameters<typeof freezeInputs>[2],
): Promise<ObjectRow> {
  const { name } = run.metadata;
  const specDigest = trainingDigest(run.spec);
  const known = await store.records.getObject(KIND, name);
  const spec =
    known?.specDigest === specDigest
      ? known.spec
      : frozenText(run.spec, await frozenIfNew(run, known, store, place));
  const createdAt = systemClock.now();
  return await store.records.beginObject({ kind: KIND, name, specDigest, spec, createdAt });
}

/** Nothing is resolved for a run that will be refused. */
async function frozenIfNew(
  run: TrainingRun,
  known: ObjectRow | undefined,
  store: WorkStore,
  place: Parameters<typeof freezeInputs>[2],
): Promise<FrozenInputs> {
  return known === undefined ? await freezeInputs(run, store, place) : frozenInputs(known.spec);
}

/** Makes RUN_IN. Returns the rows to train on; undefined for reinforcement. */
async function prepare(
  folders: TrainingFolders,
  inputs: FrozenInputs,
  store: WorkStore,
  place: { readonly work: string },
): Promise<number | undefined> {
  const base = await storeOf(inputs.base, store, place);
  const data = inputs.data === undefined ? store : await storeOf(inputs.data, store, place);
  await materializeInputs(folders.in, inputs, { base: base.artifacts, data: data.artifacts });
  if (inputs.data === undefined) return undefined;
  return (await readExport(inputs.data, data.artifacts)).rows;
}

interface SupervisedContext {
  readonly folders: TrainingFolders;
  readonly programs: TrainerPrograms;
  readonly options: ExecuteTrainingOptions;
}

async function supervised(
  run: TrainingRun,
  rows: number | undefined,
  { folders, programs, options }: SupervisedContext,
): Promise<SupervisedEnd> {
  if (rows === undefined) {
    throw new ClawError(
      'InvalidManifest',
      `${KIND} ${run.metadata.name}: spec.rl is not run on this machine by this version`,
    );
  }
  const total = planSteps(run.spec.hyper, rows);
  const progress = startTrainingProgress(folders.out, total, options.progress, options.time);
  try {
    const say = (text: string): void => options.progress.write(text);
    const { signal } = options;
    return await trainSupervised(run, { folders, programs, clock: systemClock, signal, say });
  } finally {
    await progress.stop();
  }
}

async function publish(
  { metadata, spec }: TrainingRun,
  trained: SupervisedEnd,
  inputs: FrozenInputs,
  folders: TrainingFolders,
  { records, artifacts }: WorkStore,
): Promise<TrainedModel> {
  const { result } = trained;
  const dir = join(folders.out, result.model.path);
  const record = modelRecord(metadata.name, spec, trained, inputs);
  const model = await importModel(dir, record, artifacts);
  const { steps, tokens, rows, loss } = result;
  await records.endObject(KIND, metadata.name, {
    state: 'complete',
    result: madeModel(model.digest, { steps, tokens, rows, loss }),
    endedAt: systemClock.now(),
  });
  return model;
}

/** A run that was stopped has not failed. */
async function noteFailure(run: TrainingRun, cause: unknown, store: WorkStore): Promise<void> {
  if (!(cause instanceof ClawError) || cause.code !== 'TrainingFailed') return;
  await store.records.endObject(KIND, run.metadata.name, {
    state: 'failed',
    result: canonicalJson({ reason: cause.details['reason'], message: errorMessage(cause) }),
    endedAt: systemClock.now(),
  });
}

import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { TrainingRun } from '../../api/training-run.ts';
import type { Sha256 } from '../../base/brand.ts';
import { systemClock } from '../../base/clock.ts';
import type { ObjectRow } from '../../store/object-records.ts';
import { readExport } from '../../training/export-manifest.ts';
import { frozenInputs, frozenText, trainingDigest } from '../../training/frozen-training.ts';
import { type ModelManifest, readModel } from '../../training/model-manifest.ts';
import { modelOf, rowsOf } from '../../training/model-records.ts';
import type { ResultRows } from '../../training/result.ts';
import { type FrozenInputs, materializeInputs } from '../../training/training-inputs.ts';
import { openWorkStore, type WorkStore } from '../run-outputs/work-store.ts';
import { freezeInputs, storeOf, type TrainingPlace } from './freeze-inputs.ts';
import type { TrainingFolders } from './trained-end.ts';

/** A run with everything that it needs in its folder. */
export interface BegunTraining {
  readonly base: { readonly digest: Sha256; readonly manifest: ModelManifest };
  /** Manifest of the export; absent for reinforcement. */
  readonly data: Sha256 | undefined;
  /** Rows to train on. */
  readonly rows: number | undefined;
}

interface KnownTraining {
  readonly known: {
    readonly digest: Sha256;
    readonly manifest: ModelManifest;
    readonly rows: ResultRows | undefined;
  };
}

const KIND = 'TrainingRun';

/**
 * Freezes a run when it first begins, and makes its RUN_IN. `known`: it is complete already. Throws
 * `Conflict` where the folder holds a run of that name with another specification that has not failed. A run
 * that is refused leaves no folder that was not there before.
 */
export async function beginTraining(
  run: TrainingRun,
  out: string,
  folders: TrainingFolders,
  place: TrainingPlace,
): Promise<BegunTraining | KnownTraining> {
  const isNew = !existsSync(out);
  await using refused = new AsyncDisposableStack();
  await using store = await openWorkStore(out);
  const row = await beginRow(run, folders.work, store, place).catch((cause: unknown) => {
    // Once the store is closed: the folder was made for this run, and nothing of it has begun.
    if (isNew) refused.defer(() => rm(out, { recursive: true, force: true }));
    throw cause;
  });
  const digest = modelOf(row);
  if (digest !== undefined) {
    const manifest = await readModel(digest, store.artifacts);
    return { known: { digest, manifest, rows: rowsOf(row) } };
  }
  const { base, data } = frozenInputs(row.spec);
  const ofBase = (await storeOf(base, store, place)).artifacts;
  const ofData = data === undefined ? ofBase : (await storeOf(data, store, place)).artifacts;
  await materializeInputs(folders.in, { base, data }, { base: ofBase, data: ofData });
  const manifest = await readModel(base, ofBase);
  const rows = data === undefined ? undefined : (await readExport(data, ofData)).rows;
  return { base: { digest: base, manifest }, data, rows };
}

const isOutdated = ({ end, specDigest }: ObjectRow, digest: Sha256): boolean =>
  end?.state === 'failed' && specDigest !== digest;

/** The run's row, with what its names were resolved to when it first began. */
async function beginRow(
  run: TrainingRun,
  folder: string,
  store: WorkStore,
  place: TrainingPlace,
): Promise<ObjectRow> {
  const { name } = run.metadata;
  const specDigest = trainingDigest(run.spec);
  const known = await store.records.getObject(KIND, name);
  const isNew = known === undefined || isOutdated(known, specDigest);
  // Nothing is resolved for a run that will be refused.
  const inputs: FrozenInputs = isNew
    ? await freezeInputs(run, store, place)
    : frozenInputs(known.spec);
  // Of a run that failed, whose specification was mended: its checkpoints belong to the old one.
  if (known !== undefined && isNew) await rm(folder, { recursive: true, force: true });
  const spec = frozenText(run.spec, inputs);
  const createdAt = systemClock.now();
  return await store.records.beginObject({ kind: KIND, name, specDigest, spec, createdAt });
}

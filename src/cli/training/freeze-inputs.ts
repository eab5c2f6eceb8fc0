import { dirname, resolve } from 'node:path';
import { artifactDigest, type BaseModel } from '../../api/model-ref.ts';
import type { TrainingRun } from '../../api/training-run.ts';
import type { Sha256 } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import { readExport } from '../../training/export-manifest.ts';
import { importModel } from '../../training/model-artifact.ts';
import { namedLocally, readModel } from '../../training/model-manifest.ts';
import type { FrozenInputs } from '../../training/training-inputs.ts';
import { findArtifact, findTrained } from '../run-outputs/find-in-work.ts';
import type { WorkStore } from '../run-outputs/work-store.ts';
import { freezeBatches } from './freeze-data.ts';

/** Where a run's names lead. */
export interface TrainingPlace {
  /** The manifest; paths are relative to it. */
  readonly file: string;
  /** Folder in which this run's output folder stands, beside those that it refers to by name. */
  readonly work: string;
  readonly signal: AbortSignal;
}

/** Resolves a run's base and data to digests, and sees that they are what they should be. */
export async function freezeInputs(
  { metadata, spec }: TrainingRun,
  store: WorkStore,
  place: TrainingPlace,
): Promise<FrozenInputs> {
  const what = `TrainingRun ${metadata.name}`;
  const base = await freezeBase(spec.base, what, store, place);
  if (spec.data === undefined) return { base, data: undefined };
  const { artifact, from } = spec.data;
  if (from !== undefined) {
    return { base, data: (await freezeBatches(from, store, place)).digest };
  }
  const data = artifactDigest(artifact ?? '');
  await readExport(data, (await storeOf(data, store, place)).artifacts);
  return { base, data };
}

async function freezeBase(
  { artifact, trainingRun, path }: BaseModel,
  what: string,
  store: WorkStore,
  place: TrainingPlace,
): Promise<Sha256> {
  if (path !== undefined) {
    const dir = resolve(dirname(resolve(place.file)), path);
    const { digest } = await importModel(dir, { versions: {}, parents: [] }, store.artifacts);
    return digest;
  }
  if (trainingRun !== undefined) {
    const found = await findTrained(place.work, trainingRun.name);
    if (found !== undefined) return found.digest;
    throw new ClawError(
      'NotFound',
      `${what}: spec.base.trainingRun: no TrainingRun ${trainingRun.name} is complete in ${place.work}; put it into the same manifest, or run it first`,
    );
  }
  const digest = artifactDigest(artifact ?? '');
  await readModel(
    digest,
    (await storeOf(digest, store, place)).artifacts,
    namedLocally(`${what}: spec.base.artifact`, place.work),
  );
  return digest;
}

/** The store that has an artifact; this run's own where none has, which then says so. */
export async function storeOf(
  digest: Sha256,
  store: WorkStore,
  { work }: Pick<TrainingPlace, 'work'>,
): Promise<Pick<WorkStore, 'artifacts'>> {
  if ((await store.artifacts.size(digest)) !== undefined) return store;
  return (await findArtifact(work, digest)) ?? store;
}

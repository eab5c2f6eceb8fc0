import type { Sha256 } from '../../base/brand.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import { type KnownModel, listModels, modelOf } from '../../training/model-records.ts';
import { openWorkFolder } from './work-store.ts';

/** An artifact, and the store that has it. */
export interface FoundArtifact {
  readonly digest: Sha256;
  readonly artifacts: ArtifactStore;
}

/** The store of a work folder that has this artifact; undefined where none has. */
export async function findArtifact(
  work: string,
  digest: Sha256,
): Promise<FoundArtifact | undefined> {
  await using folder = await openWorkFolder(work);
  for (const { artifacts } of folder.stores) {
    if ((await artifacts.size(digest)) !== undefined) return { digest, artifacts };
  }
  return undefined;
}

/** The model that a TrainingRun of a work folder ended with; undefined where none of that name has. */
export async function findTrained(work: string, name: string): Promise<FoundArtifact | undefined> {
  await using folder = await openWorkFolder(work);
  for (const { records, artifacts } of folder.stores) {
    const row = await records.getObject('TrainingRun', name);
    const digest = row && modelOf(row);
    if (digest !== undefined) return { digest, artifacts };
  }
  return undefined;
}

/** Every model that the stores of a work folder know, in order of time. */
export async function modelsInWork(
  work: string,
): Promise<readonly (KnownModel & { readonly artifacts: ArtifactStore })[]> {
  await using folder = await openWorkFolder(work);
  const found = await Promise.all(
    folder.stores.map(async ({ records, artifacts }) =>
      (await listModels(records)).map((model) => ({ ...model, artifacts })),
    ),
  );
  return found.flat().toSorted((a, b) => a.at - b.at);
}

/** Whether an object of that kind and name has left something in a work folder. */
export async function namesInWork(work: string): Promise<ReadonlySet<string>> {
  await using folder = await openWorkFolder(work);
  const names = new Set<string>();
  for (const { records } of folder.stores) {
    for (const { name, end } of await records.listObjects('TrainingRun')) {
      if (end?.state === 'complete') names.add(`TrainingRun/${name}`);
    }
    for (const { id, owner } of await records.listBatches()) {
      names.add(`${owner.kind}/${owner.name}`).add(`RolloutBatch/${id}`);
    }
  }
  return names;
}

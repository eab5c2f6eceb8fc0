import { z } from 'zod';
import { trainingRun } from '../../api/training-run.ts';
import type { TrainingSpec } from '../../api/training-spec.ts';
import { asBatchId, type BatchId, type Sha256 } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import type { PlanTrainingBody, TrainingFile } from '../../protocol/training-api.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import { readExport } from '../../training/export-manifest.ts';
import { TEMPLATE_FILE } from '../../training/model-artifact.ts';
import { type ModelManifest, namedInCluster, readModel } from '../../training/model-manifest.ts';
import { sessionOpenings } from '../../trajectories/call-tree.ts';
import { DEFAULT_EXPORT_FILTER } from '../../trajectories/export-filter.ts';
import type { ExportTask } from '../../trajectories/export-messages.ts';
import { type StoreExportDeps, storeExport } from '../../trajectories/store-export.ts';
import type { BatchDirectory } from '../coordinator/batch-directory.ts';
import type { TrainingInputs } from './training-row.ts';

export interface FreezeDeps {
  readonly artifacts: ArtifactStore;
  readonly store: StoreExportDeps['store'];
  readonly directory: Pick<BatchDirectory, 'find'>;
}

type BatchNames = readonly { readonly name: string; readonly uid: string }[];

/** TrainingRun.spec with defaults. Throws `InvalidManifest` with the fields. */
export function parseTrainingSpec(name: string, spec: unknown): TrainingSpec {
  const { apiVersion } = trainingRun;
  const object = { apiVersion, kind: 'TrainingRun', metadata: { name }, spec };
  const parsed = trainingRun.schema.safeParse(object);
  if (parsed.success) return parsed.data.spec;
  const issues = z.prettifyError(parsed.error).slice(0, 2000);
  throw new ClawError('InvalidManifest', `TrainingRun ${name}: ${issues}`);
}

/**
 * Every file that a run begins with, by digest. Throws what a person can act on: a base that is no model,
 * data without rows, a batch of another namespace or one that goes on.
 */
export async function freezeTraining(
  body: PlanTrainingBody,
  spec: TrainingSpec,
  deps: FreezeDeps,
): Promise<TrainingInputs> {
  const { base, image } = body;
  const model = await readModel(
    base,
    deps.artifacts,
    namedInCluster(`TrainingRun ${body.name}: spec.base`, body.namespace),
  );
  const folders: TrainingInputs['folders'] = [
    { folder: 'model', files: model.files.map(fileOf) },
    { folder: 'template', files: [templateOf(model)] },
  ];
  const frozen = { base, template: model.template.sha256, image };
  if (body.data === undefined) return await kept({ ...frozen, folders }, deps.artifacts);
  const data =
    body.data.kind === 'artifact'
      ? body.data.digest
      : await exportBatches(body.namespace, body.data.batches, spec, deps);
  const { bytes, files, rows } = await readExport(data, deps.artifacts);
  const listed = [{ path: 'export.json', size: bytes.length, sha256: data }];
  for (const [path, file] of Object.entries(files)) {
    listed.push({ path, size: file.bytes, sha256: file.sha256 });
  }
  const all: TrainingInputs = {
    ...frozen,
    data,
    rows,
    folders: [...folders, { folder: 'data', files: listed }],
  };
  return await kept(all, deps.artifacts);
}

/** A sweep that began before the row is stored takes nothing of it. */
async function kept(
  inputs: TrainingInputs,
  artifacts: Pick<ArtifactStore, 'keep'>,
): Promise<TrainingInputs> {
  const files = inputs.folders.flatMap((one) => one.files.map(({ sha256 }) => sha256));
  for (const digest of new Set([inputs.base, ...files])) await artifacts.keep(digest);
  return inputs;
}

const fileOf = ({ path, digest, bytes }: ModelManifest['files'][number]): TrainingFile => ({
  path,
  size: bytes,
  sha256: digest,
});

function templateOf({ files, template }: ModelManifest): TrainingFile {
  const size = files.find(({ path }) => path === template.path)?.bytes ?? 0;
  return { path: TEMPLATE_FILE, size, sha256: template.sha256 };
}

/** The same decisions of the same batches give the same export. */
async function exportBatches(
  namespace: string,
  batches: BatchNames,
  { data }: TrainingSpec,
  { artifacts, store, directory }: FreezeDeps,
): Promise<Sha256> {
  const { minScore, validationPercent = 0, seed = 0 } = data?.from ?? {};
  const tasks = new Map<Sha256, ExportTask>();
  const ids: BatchId[] = [];
  for (const { name, uid } of batches) {
    const found = await directory.find(asBatchId(uid));
    if (found === undefined || found.planned.frozen.namespace !== namespace) {
      throw new ClawError(
        'NotFound',
        `data.from.batches: RolloutBatch ${namespace}/${name} (uid ${uid}) was never planned here; run it first`,
      );
    }
    const open = found.rollouts.filter(({ decided }) => decided === undefined).length;
    if (open > 0) {
      throw new ClawError(
        'Conflict',
        `data.from.batches: RolloutBatch ${namespace}/${name} is not complete, ${open} rollouts are open`,
      );
    }
    for (const { task, digest } of found.planned.tasks.values()) {
      const openings = sessionOpenings(task.instruction.turns);
      tasks.set(digest, { cluster: task.cluster, openings });
    }
    ids.push(found.planned.row.id);
  }
  const filter = { ...DEFAULT_EXPORT_FILTER, minScore: Number(minScore) };
  const split = { validationPercent, seed };
  const made = await storeExport(ids, { filter, split, tasks }, { store, artifacts });
  if (made.rows > 0) return made.digest;
  const names = batches.map(({ name }) => name).join(', ');
  throw new ClawError(
    'InvalidInput',
    `data.from: no rollout of ${names} is finished with a score of ${minScore} or more, so there is nothing to train on; see their scores with: clawgym get rollouts BATCH --namespace ${namespace}, or lower minScore`,
  );
}

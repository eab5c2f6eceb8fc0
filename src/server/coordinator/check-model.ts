import { artifactDigest } from '../../api/model-ref.ts';
import type { Sha256 } from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import type { PlanBatchBody } from '../../protocol/operator-api.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import { namedInCluster, readModel } from '../../training/model-manifest.ts';
import type { BatchSpec } from './frozen-spec.ts';

/**
 * A model of ours must be in the store and whole before anything of its batch begins. Returns its artifacts,
 * which must stay as long as the batch does; none for other models. Throws `NotFound` or `InvalidManifest`.
 */
export async function checkModel(
  { namespace, name }: Pick<PlanBatchBody, 'namespace' | 'name'>,
  { model }: Pick<BatchSpec, 'model'>,
  artifacts: Pick<ArtifactStore, 'read' | 'size'>,
): Promise<readonly Sha256[]> {
  if (model?.artifact === undefined) return [];
  const digest = artifactDigest(model.artifact);
  const { kind, files } = await readModel(
    digest,
    artifacts,
    namedInCluster(`RolloutBatch ${name}: spec.model.artifact`, namespace),
  );
  if (kind === 'full') return [digest, ...files.map((file) => file.digest)];
  throw new ClawError(
    'InvalidManifest',
    `RolloutBatch ${name}: spec.model: sha256:${digest} is an adapter, and policy pods serve whole models: name the full model that its training run made`,
  );
}

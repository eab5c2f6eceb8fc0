import type { Sha256 } from '../../../base/brand.ts';
import { ClawError } from '../../../base/error.ts';
import type { ArtifactStore } from '../../../store/artifacts.ts';
import type { RlRecords } from '../../../store/rl-records.ts';
import { policyModel } from '../../../training/rl/policy-model.ts';
import type { Trained } from '../../../training/rl/step-notes.ts';
import type { LiveRl } from './live-rl.ts';

export interface KeptPoliciesOptions {
  readonly store: Pick<RlRecords, 'getRlPolicy' | 'putRlPolicy'>;
  readonly artifacts: Pick<ArtifactStore, 'put' | 'read' | 'size'>;
  /** Whether a pod of the run put the artifact. */
  readonly isOwn: (uid: string, digest: Sha256) => Promise<boolean>;
}

type Run = Pick<LiveRl, 'uid' | 'plan' | 'base'>;

/** Keeps the version that a trainer has made of a batch as a model. Throws as `policyModel`. */
export async function keepPolicy(
  { uid, plan, base }: Run,
  { policyVersion: version, manifestSha256: ready }: Trained,
  { store, artifacts, isOwn }: KeptPoliciesOptions,
): Promise<void> {
  const known = await store.getRlPolicy(uid, version);
  if (known?.files.includes(ready) === true) return;
  const before = new Set((await store.getRlPolicy(uid, version - 1))?.files);
  const { digest, files } = await policyModel(
    {
      ...{ run: plan.name, version, ready, base: { digest: plan.base, manifest: base } },
      isOwn: async (artifact) => before.has(artifact) || (await isOwn(uid, artifact)),
    },
    artifacts,
  );
  await store.putRlPolicy(uid, { version, model: digest, files });
}

/** The model of a version; 0 is the base. */
export async function modelOfVersion(
  { uid, plan }: Run,
  version: number,
  store: Pick<RlRecords, 'getRlPolicy'>,
): Promise<Sha256> {
  if (version === 0) return plan.base;
  const policy = await store.getRlPolicy(uid, version);
  if (policy !== undefined) return policy.model;
  throw new ClawError('Internal', `policy version ${version} of run ${uid} is not kept`);
}

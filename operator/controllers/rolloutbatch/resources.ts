import type { Job as SandboxJob } from '../../../src/engines/kubernetes/kube-types.ts';
import { rolloutJob } from '../../../src/engines/kubernetes/rollout-job.ts';
import type { PodInstallation } from '../../../src/engines/kubernetes/settings.ts';
import { verifyJob } from '../../../src/engines/kubernetes/verify-job.ts';
import type { JobState, Shape } from '../../../src/protocol/operator-api.ts';
import type { BatchSpec, RolloutBatch } from '../shared/kinds.ts';

/** What `spec.sandbox` of a batch leaves out. */
export type SandboxDefaults = Partial<BatchSpec['sandbox']>;

/** The batch with the installation's defaults in `spec.sandbox`; its own fields win. */
export function withDefaults(batch: RolloutBatch, defaults: SandboxDefaults): RolloutBatch {
  return { ...batch, spec: { ...batch.spec, sandbox: { ...defaults, ...batch.spec.sandbox } } };
}

export function childJob(
  batch: RolloutBatch,
  job: Pick<JobState, 'name' | 'phase' | 'generation' | 'shape' | 'length'>,
  parallelism: number,
  installation: PodInstallation,
): SandboxJob {
  const build = job.phase === 'rollout' ? rolloutJob : verifyJob;
  return build({ batch, job, parallelism, installation });
}

/** A Job that is never made: its pod shows what the namespace admits. */
export function probeJob(
  batch: RolloutBatch,
  shape: Shape,
  installation: PodInstallation,
): SandboxJob {
  const job = { name: `${batch.metadata.name}-probe`, phase: shape.phase, generation: 1, shape };
  return childJob(batch, { ...job, length: 1 }, 1, installation);
}

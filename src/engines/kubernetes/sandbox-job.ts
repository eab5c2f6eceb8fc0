import { controllerRef } from '../../../operator/kube/objects/owner-references.ts';
import type { Job, PodFailureRule, PodTemplate } from './kube-types.ts';
import { sandboxLabels } from './pod-template.ts';
import { type SandboxJobRequest, SERVER_MARK, serverMark } from './settings.ts';

export const KUEUE_QUEUE = 'kueue.x-k8s.io/queue-name';

/**
 * The Job around a pod template (design: rollouts.md 4). One row an index; its own retries are those
 * after infrastructure failures, and it never fails as a whole. `suspend` is never set: Kueue owns it.
 */
export function jobAround(
  request: SandboxJobRequest,
  rules: PodFailureRule[],
  template: PodTemplate,
): Job {
  const { batch, job, parallelism, installation } = request;
  const { queueName } = batch.spec.sandbox;
  const queue: Record<string, string> = queueName === undefined ? {} : { [KUEUE_QUEUE]: queueName };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: job.name,
      ...(batch.metadata.namespace === undefined ? {} : { namespace: batch.metadata.namespace }),
      labels: { ...sandboxLabels(request), ...queue },
      annotations: { [SERVER_MARK]: serverMark(installation.server) },
      ownerReferences: [controllerRef(batch)],
    },
    spec: {
      completionMode: 'Indexed',
      completions: job.length,
      parallelism,
      backoffLimitPerIndex: batch.spec.retries.infraRetries,
      maxFailedIndexes: job.length,
      podReplacementPolicy: 'Failed',
      podFailurePolicy: { rules },
      template,
    },
  };
}

import { controllerRef } from '../../../operator/kube/objects/owner-references.ts';
import { LABELS } from '../../protocol/pod-contract.ts';
import type { Pod } from './kube-types.ts';
import type { PodBatch } from './settings.ts';

/**
 * A pod of ours beside the Jobs of a batch, behind the policies of a sandbox. A batch owns it; it carries
 * no batch label, so nobody counts it as work.
 */
export function helperMetadata(
  name: string,
  batch: PodBatch,
  program: 'clawgym-import' | 'clawgym-preflight',
): Pod['metadata'] {
  const { namespace } = batch.metadata;
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    labels: {
      [LABELS.sandbox]: 'true',
      'app.kubernetes.io/name': program,
      'app.kubernetes.io/part-of': 'clawgym',
      'app.kubernetes.io/managed-by': 'clawgym-operator',
    },
    ownerReferences: [controllerRef(batch)],
  };
}

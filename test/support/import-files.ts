import type { PodFields } from './sandbox-pods.ts';

/** A pod that reads a volume for batch `batch-uid` of namespace `team-a`. */
export function importerPod(fields: PodFields = {}): PodFields {
  return {
    ...{ name: 'importer', uid: 'pod-import', ownerKind: 'RolloutBatch' },
    ...{ jobName: 'a-batch', jobUid: 'batch-uid' },
    ...fields,
  };
}

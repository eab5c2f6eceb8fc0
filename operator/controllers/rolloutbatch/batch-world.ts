import { LABELS } from '../../../src/protocol/pod-contract.ts';
import type { Cache } from '../../kube/cache/cache.ts';
import { WrittenVersions } from '../../kube/cache/written-versions.ts';
import { byControllerUid } from '../../kube/objects/owner-references.ts';
import { type RolloutBatch, rolloutBatches } from '../shared/kinds.ts';
import { type Job, jobs } from '../shared/kube-kinds.ts';
import { podProjection, type SandboxPod, sandboxPods } from '../shared/pods.ts';
import type { ScopedCaches } from '../shared/scoped-caches.ts';

/** What the controller of batches sees of the cluster. */
export interface BatchWorld {
  /** Index `owner`: uid of the object that the batch belongs to. */
  readonly batches: Cache<RolloutBatch>;
  /** Index `owner`: uid of the batch. */
  readonly jobs: Cache<Job>;
  /** Index `batch`: uid of the batch. */
  readonly pods: Cache<SandboxPod>;
  readonly writtenBatches: WrittenVersions<RolloutBatch>;
  readonly writtenJobs: WrittenVersions<Job>;
}

export function batchWorld(caches: ScopedCaches): BatchWorld {
  const ofBatches = { labelSelector: LABELS.batch };
  const indexes = { owner: byControllerUid };
  const batches = caches.of(rolloutBatches, {}, { indexes });
  const children = caches.of(jobs, ofBatches, { indexes, project: jobPart });
  const pods = caches.of(sandboxPods, ofBatches, {
    indexes: { batch: ({ metadata }) => present(metadata.labels?.[LABELS.batch]) },
    project: podProjection,
  });
  return {
    ...{ batches, jobs: children, pods },
    writtenBatches: new WrittenVersions(batches),
    writtenJobs: new WrittenVersions(children),
  };
}

const present = (value: string | undefined): readonly string[] =>
  value === undefined ? [] : [value];

/** A Job without its pod template, which is most of it and never read again. */
function jobPart(job: Job): Job {
  const { parallelism, completions, suspend } = job.spec;
  return {
    ...job,
    spec: {
      ...(parallelism === undefined ? {} : { parallelism }),
      ...(completions === undefined ? {} : { completions }),
      ...(suspend === undefined ? {} : { suspend }),
    },
  };
}

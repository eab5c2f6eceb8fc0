import { LABELS } from '../../../src/protocol/pod-contract.ts';
import type { Cache } from '../../kube/cache/cache.ts';
import { WrittenVersions } from '../../kube/cache/written-versions.ts';
import { byControllerUid } from '../../kube/objects/owner-references.ts';
import { type RolloutBatch, type TrainingRun, trainingRuns } from '../shared/kinds.ts';
import { type Job, jobs } from '../shared/kube-kinds.ts';
import { podProjection, type SandboxPod, sandboxPods } from '../shared/pods.ts';
import type { ScopedCaches } from '../shared/scoped-caches.ts';

/** What the controller of TrainingRuns sees of the cluster. */
export interface TrainingWorld {
  readonly runs: Cache<TrainingRun>;
  /** Index `owner`: uid of the run. */
  readonly jobs: Cache<Job>;
  /** Index `run`: uid of the run. */
  readonly pods: Cache<SandboxPod>;
  /** Index `owner`: uid of whatever controls it. */
  readonly batches: Cache<RolloutBatch>;
  readonly writtenRuns: WrittenVersions<TrainingRun>;
  readonly writtenJobs: WrittenVersions<Job>;
  readonly writtenBatches: WrittenVersions<RolloutBatch>;
}

export function trainingWorld(
  caches: ScopedCaches,
  batches: TrainingWorld['batches'],
): TrainingWorld {
  const ofRuns = { labelSelector: LABELS.training };
  const runs = caches.of(trainingRuns);
  const children = caches.of(jobs, ofRuns, { indexes: { owner: byControllerUid }, project: bare });
  const pods = caches.of(sandboxPods, ofRuns, {
    indexes: {
      run: ({ metadata }) =>
        [metadata.labels?.[LABELS.training]].filter((one) => one !== undefined),
    },
    project: podProjection,
  });
  return {
    ...{ runs, jobs: children, pods, batches },
    writtenRuns: new WrittenVersions(runs),
    writtenJobs: new WrittenVersions(children),
    writtenBatches: new WrittenVersions(batches),
  };
}

/** A Job without its pod template, which is never read again. */
function bare(job: Job): Job {
  const { suspend } = job.spec;
  return { ...job, spec: suspend === undefined ? {} : { suspend } };
}

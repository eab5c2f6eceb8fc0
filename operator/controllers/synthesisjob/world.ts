import { LABELS } from '../../../src/protocol/pod-contract.ts';
import type { Cache } from '../../kube/cache/cache.ts';
import { WrittenVersions } from '../../kube/cache/written-versions.ts';
import { byControllerUid } from '../../kube/objects/owner-references.ts';
import { type RolloutBatch, type SynthesisJob, synthesisJobs } from '../shared/kinds.ts';
import { type Job, jobs } from '../shared/kube-kinds.ts';
import { podProjection, type SandboxPod, sandboxPods } from '../shared/pods.ts';
import type { ScopedCaches } from '../shared/scoped-caches.ts';

/** What the controller of SynthesisJobs sees of the cluster. */
export interface SynthesisWorld {
  readonly synthesis: Cache<SynthesisJob>;
  /** Index `owner`: uid of the SynthesisJob. */
  readonly jobs: Cache<Job>;
  /** Index `synthesis`: uid of the SynthesisJob. */
  readonly pods: Cache<SandboxPod>;
  /** Index `owner`: uid of the object that the batch belongs to. */
  readonly batches: Cache<RolloutBatch>;
  readonly written: WrittenVersions<SynthesisJob>;
  readonly writtenJobs: WrittenVersions<Job>;
  readonly writtenBatches: WrittenVersions<RolloutBatch>;
}

export function synthesisWorld(
  caches: ScopedCaches,
  batches: SynthesisWorld['batches'],
): SynthesisWorld {
  const labelSelector = LABELS.synthesis;
  const synthesis = caches.of(synthesisJobs);
  const children = caches.of(
    jobs,
    { labelSelector },
    { indexes: { owner: byControllerUid }, project: bare },
  );
  const pods = caches.of(
    sandboxPods,
    { labelSelector },
    {
      indexes: {
        synthesis: ({ metadata }) =>
          [metadata.labels?.[LABELS.synthesis]].filter((uid) => uid !== undefined),
      },
      project: withLabel,
    },
  );
  return {
    ...{ synthesis, jobs: children, pods, batches },
    written: new WrittenVersions(synthesis),
    writtenJobs: new WrittenVersions(children),
    writtenBatches: new WrittenVersions(batches),
  };
}

/** A Job without its pod template, which is never read again. */
const bare = (job: Job): Job => ({ ...job, spec: {} });

function withLabel(pod: SandboxPod): SandboxPod {
  const uid = pod.metadata.labels?.[LABELS.synthesis];
  const small = podProjection(pod);
  if (uid === undefined) return small;
  return { ...small, metadata: { ...small.metadata, labels: { [LABELS.synthesis]: uid } } };
}

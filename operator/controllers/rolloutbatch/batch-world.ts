import { LABELS } from '../../../src/protocol/pod-contract.ts';
import type { Cache } from '../../kube/cache/cache.ts';
import type { CacheOptions, InformerCache } from '../../kube/cache/informer-cache.ts';
import { createCache } from '../../kube/cache/informer-cache.ts';
import { WrittenVersions } from '../../kube/cache/written-versions.ts';
import type { Selection } from '../../kube/client/resource-client.ts';
import type { KubeClient } from '../../kube/client/typed-client.ts';
import type { Service } from '../../kube/controller/manager.ts';
import type { KubeObject } from '../../kube/objects/kube-object.ts';
import { byControllerUid } from '../../kube/objects/owner-references.ts';
import type { Resource } from '../../kube/objects/resource.ts';
import { joinCaches } from '../shared/joined-cache.ts';
import { type RolloutBatch, rolloutBatches } from '../shared/kinds.ts';
import { type Job, jobs } from '../shared/kube-kinds.ts';
import { podProjection, type SandboxPod, sandboxPods } from '../shared/pods.ts';

export type Caching = Pick<
  CacheOptions<KubeObject>,
  'clock' | 'random' | 'logger' | 'metrics' | 'numbers'
>;

/** What the controller of batches sees of the cluster. */
export interface BatchWorld {
  readonly batches: Cache<RolloutBatch>;
  /** Index `owner`: uid of the batch. */
  readonly jobs: Cache<Job>;
  /** Index `batch`: uid of the batch. */
  readonly pods: Cache<SandboxPod>;
  readonly writtenBatches: WrittenVersions<RolloutBatch>;
  readonly writtenJobs: WrittenVersions<Job>;
  /** To be run. */
  readonly caches: readonly Service[];
}

/**
 * @param namespaces Undefined: all of the cluster.
 */
export function batchWorld(
  client: KubeClient,
  namespaces: readonly string[] | undefined,
  caching: Caching,
): BatchWorld {
  const running: Service[] = [];
  const cache = <T extends KubeObject>(
    resource: Resource<T>,
    selection: Selection,
    more: Pick<CacheOptions<T>, 'indexes' | 'project'>,
  ): Cache<T> => {
    const open = (namespace: string | undefined): InformerCache<T> => {
      const made = createCache<T>({
        client: client.for(resource),
        selection: { ...selection, namespace },
        ...more,
        ...caching,
      });
      running.push(made);
      return made;
    };
    if (namespaces === undefined) return open(undefined);
    return joinCaches(new Map(namespaces.map((namespace) => [namespace, open(namespace)])));
  };
  const ofBatches = { labelSelector: LABELS.batch };
  const batches = cache(rolloutBatches, {}, {});
  const children = cache(jobs, ofBatches, {
    indexes: { owner: byControllerUid },
    project: jobPart,
  });
  const pods = cache(sandboxPods, ofBatches, {
    indexes: { batch: ({ metadata }) => present(metadata.labels?.[LABELS.batch]) },
    project: podProjection,
  });
  return {
    batches,
    jobs: children,
    pods,
    writtenBatches: new WrittenVersions(batches),
    writtenJobs: new WrittenVersions(children),
    caches: running,
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

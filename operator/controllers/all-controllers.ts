import type { ManagerOptions, Service } from '../kube/controller/manager.ts';
import { byControllerUid } from '../kube/objects/owner-references.ts';
import { benchRunController } from './benchrun/controller.ts';
import { benchRuns } from './benchrun/kinds.ts';
import { clawTaskController } from './clawtask/controller.ts';
import { batchWorld } from './rolloutbatch/batch-world.ts';
import { type BatchControllerOptions, rolloutBatchController } from './rolloutbatch/controller.ts';
import { UnheardDeletions } from './rolloutbatch/unheard-deletions.ts';
import { clawTasks } from './shared/kinds.ts';
import { type Caching, ScopedCaches } from './shared/scoped-caches.ts';

export interface ControllersOptions extends Omit<BatchControllerOptions, 'world'> {
  /** Undefined: all of the cluster. */
  readonly namespaces: readonly string[] | undefined;
  readonly caching: Caching;
}

/** Every controller of the product, over caches that they share. */
export function allControllers(options: ControllersOptions): {
  readonly caches: readonly Service[];
  readonly controllers: ManagerOptions['controllers'];
} {
  const { caching, client, controlling, namespaces, recorder, server, minIntervalMs } = options;
  const caches = new ScopedCaches(client, namespaces, caching);
  const world = batchWorld(caches);
  const common = {
    ...{ client, server, recorder, controlling, batches: world.batches },
    ...(minIntervalMs === undefined ? {} : { minIntervalMs }),
  };
  const controllers = [
    rolloutBatchController({ ...options, world, wholeCluster: namespaces === undefined }),
    benchRunController({ ...common, benches: caches.of(benchRuns, {}, owned) }),
    clawTaskController({ ...common, tasks: caches.of(clawTasks) }),
    new UnheardDeletions({ client, server, batches: world.batches, ...controlling }),
  ];
  return { caches: caches.services, controllers };
}

const owned = { indexes: { owner: byControllerUid } };

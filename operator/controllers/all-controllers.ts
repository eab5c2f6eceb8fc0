import type { ManagerOptions, Service } from '../kube/controller/manager.ts';
import { byControllerUid } from '../kube/objects/owner-references.ts';
import { benchRunController } from './benchrun/controller.ts';
import { benchRuns } from './benchrun/kinds.ts';
import { Census } from './census.ts';
import { clawTaskController } from './clawtask/controller.ts';
import { batchWorld } from './rolloutbatch/batch-world.ts';
import { type BatchControllerOptions, rolloutBatchController } from './rolloutbatch/controller.ts';
import { InstallationReader } from './rolloutbatch/installation.ts';
import { NamespaceKeeper } from './rolloutbatch/namespace.ts';
import { UnheardDeletions } from './rolloutbatch/unheard-deletions.ts';
import { clawTasks } from './shared/kinds.ts';
import { type Caching, ScopedCaches } from './shared/scoped-caches.ts';
import { synthesisJobController } from './synthesisjob/controller.ts';
import { synthesisWorld } from './synthesisjob/world.ts';

import { trainingRunController } from './trainingrun/controller.ts';
import { UnheardTrainings } from './trainingrun/unheard-trainings.ts';
import { trainingWorld } from './trainingrun/world.ts';

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
  const benches = caches.of(benchRuns, {}, owned);
  const tasks = caches.of(clawTasks);
  const { clock, logger } = controlling;
  const training = trainingWorld(caches, world.batches);
  const installation = new InstallationReader({
    ...{ client, server, clock, service: options.service },
    settings: options.podSettings,
  });
  const synthesis = synthesisWorld(caches, world.batches);
  const shared = { client, server, recorder, controlling, installation, minIntervalMs };
  const deletions = { client, server, namespaces, ...controlling };
  const controllers = [
    rolloutBatchController({ ...options, world, wholeCluster: namespaces === undefined }),
    benchRunController({ ...common, benches }),
    clawTaskController({ ...common, tasks }),
    trainingRunController({
      ...shared,
      ...{ world: training, tickMs: options.settings?.tickMs },
      namespaces: new NamespaceKeeper(client, clock),
    }),
    synthesisJobController({
      ...{ ...shared, server: server.synthesis, world: synthesis },
      ...{ sandboxDefaults: options.sandboxDefaults, tickMs: options.settings?.tickMs },
      namespaces: new NamespaceKeeper(client, clock),
    }),
    new UnheardDeletions({ ...deletions, batches: world.batches }),
    new UnheardTrainings({ ...deletions, runs: training.runs }),
    new Census({
      ...{ server, batches: world.batches, benches, tasks, namespaces, clock, logger },
      ...{ synthesis: synthesis.synthesis, trainings: training.runs },
    }),
  ];
  return { caches: caches.services, controllers };
}

const owned = { indexes: { owner: byControllerUid } };

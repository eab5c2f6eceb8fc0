import type { PolicyServing } from '../../../src/protocol/policy-server.ts';
import type { TrainingServer } from '../../../src/protocol/training-server.ts';
import type { KubeClient } from '../../kube/client/typed-client.ts';
import { Controller, type ControllerOptions } from '../../kube/controller/controller.ts';
import { watchMapped, watchObjects, watchOwned } from '../../kube/controller/controller-sources.ts';
import type { ObjectKey } from '../../kube/objects/object-key.ts';
import { controllerOf } from '../../kube/objects/owner-references.ts';
import type { EventRecorder } from '../../kube/writes/event-recorder.ts';
import type { InstallationReader } from '../rolloutbatch/installation.ts';
import type { NamespaceKeeper } from '../rolloutbatch/namespace.ts';
import { refusedGate } from '../shared/joined-cache.ts';
import { trainingRuns } from '../shared/kinds.ts';
import type { SandboxPod } from '../shared/pods.ts';
import { TrainingReconciler } from './reconcile.ts';
import type { TrainingWorld } from './world.ts';

export interface TrainingControllerOptions {
  /** Over a fenced transport, where there is an election. */
  readonly client: KubeClient;
  readonly server: TrainingServer & PolicyServing;
  readonly recorder: Pick<EventRecorder, 'record'>;
  readonly world: TrainingWorld;
  readonly installation: Pick<InstallationReader, 'current'>;
  readonly namespaces: Pick<NamespaceKeeper, 'prepare'>;
  readonly controlling: Pick<ControllerOptions, 'clock' | 'logger' | 'workers' | 'metrics'>;
  /** Between two looks at a run that goes on, default 2 s. */
  readonly tickMs?: number | undefined;
  /** Between two status writes of one run, default 1 s. */
  readonly minIntervalMs?: number | undefined;
}

/** Carries TrainingRuns: the server decides, Jobs train (design: docs/design/lifecycle.md 2). */
export function trainingRunController(options: TrainingControllerOptions): Controller {
  const { world, controlling } = options;
  const reconciler = new TrainingReconciler(options);
  return new Controller({
    name: 'trainingrun',
    reconcile: async (key, { signal }) => await reconciler.reconcile(key, signal),
    sources: [
      watchObjects('trainingruns', world.runs),
      watchOwned('jobs', world.jobs, trainingRuns),
      watchOwned('rolloutbatches', world.batches, trainingRuns),
      watchMapped('pods', world.pods, runsOfPod(world)),
    ],
    readGates: [
      refusedGate(world.runs),
      refusedGate(world.jobs),
      refusedGate(world.pods),
      refusedGate(world.batches),
      world.writtenRuns,
      world.writtenJobs,
      world.writtenBatches,
    ],
    ...controlling,
  });
}

/** By the Job that a pod belongs to: pods name no run by its name. */
function runsOfPod(world: TrainingWorld): (pod: SandboxPod) => readonly ObjectKey[] {
  return (pod) => {
    const job = controllerOf(pod);
    const { namespace } = pod.metadata;
    const owner = job && world.jobs.get({ namespace, name: job.name });
    const run = owner && controllerOf(owner);
    return run === undefined ? [] : [{ namespace, name: run.name }];
  };
}

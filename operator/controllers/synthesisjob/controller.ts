import type { SynthesisServer } from '../../../src/protocol/synthesis-server.ts';
import type { KubeClient } from '../../kube/client/typed-client.ts';
import { Controller, type ControllerOptions } from '../../kube/controller/controller.ts';
import { watchMapped, watchObjects, watchOwned } from '../../kube/controller/controller-sources.ts';
import type { ObjectKey } from '../../kube/objects/object-key.ts';
import { controllerOf } from '../../kube/objects/owner-references.ts';
import type { EventRecorder } from '../../kube/writes/event-recorder.ts';
import { StatusWriter } from '../../kube/writes/status-writer.ts';
import type { InstallationReader } from '../rolloutbatch/installation.ts';
import type { NamespaceKeeper } from '../rolloutbatch/namespace.ts';
import type { SandboxDefaults } from '../rolloutbatch/resources.ts';
import { ShortageReader } from '../rolloutbatch/shortage.ts';
import { refusedGate } from '../shared/joined-cache.ts';
import { synthesisJobs } from '../shared/kinds.ts';
import { FIELD_MANAGER } from '../shared/marks.ts';
import type { SandboxPod } from '../shared/pods.ts';
import { SynthesisReconciler } from './reconcile.ts';
import type { SynthesisWorld } from './world.ts';

export interface SynthesisParts {
  readonly client: KubeClient;
  readonly server: SynthesisServer;
  readonly recorder: Pick<EventRecorder, 'record'>;
  readonly world: SynthesisWorld;
  readonly installation: Pick<InstallationReader, 'current'>;
  readonly namespaces: Pick<NamespaceKeeper, 'problemOf'>;
  readonly sandboxDefaults: SandboxDefaults;
  readonly controlling: Pick<ControllerOptions, 'clock' | 'logger' | 'workers' | 'metrics'>;
  /** Between two looks at a job that runs, default 2 s. */
  readonly tickMs?: number | undefined;
  /** Between two status writes of one job, default 1 s. */
  readonly minIntervalMs?: number | undefined;
}

/** Carries SynthesisJobs: the server keeps the records, one Job has the worker, RolloutBatches the gates. */
export function synthesisJobController(parts: SynthesisParts): Controller {
  const { client, controlling, recorder, world, minIntervalMs = 1000, tickMs = 2000 } = parts;
  const { clock } = controlling;
  const reconciler = new SynthesisReconciler({
    ...{ ...parts, clock, tickMs },
    shortages: new ShortageReader(client, clock),
    status: new StatusWriter({
      ...{ client: client.for(synthesisJobs), fieldManager: FIELD_MANAGER, clock },
      ...{ recorder, written: world.written, minIntervalMs },
    }),
  });
  return new Controller({
    name: 'synthesisjob',
    reconcile: async (key, { signal }) => reconciler.reconcile(key, signal),
    sources: [
      watchObjects('synthesisjobs', world.synthesis),
      watchOwned('jobs', world.jobs, synthesisJobs),
      watchOwned('rolloutbatches', world.batches, synthesisJobs),
      watchMapped('pods', world.pods, ownerOfPod(world)),
    ],
    readGates: [
      refusedGate(world.synthesis),
      refusedGate(world.jobs),
      refusedGate(world.batches),
      ...[world.written, world.writtenJobs, world.writtenBatches],
    ],
    ...controlling,
  });
}

/** By the Job that a pod belongs to: pods name no SynthesisJob by its name. */
function ownerOfPod(world: SynthesisWorld): (pod: SandboxPod) => readonly ObjectKey[] {
  return (pod) => {
    const job = controllerOf(pod);
    const { namespace } = pod.metadata;
    const found = job && world.jobs.get({ namespace, name: job.name });
    const owner = found && controllerOf(found);
    return owner === undefined ? [] : [{ namespace, name: owner.name }];
  };
}

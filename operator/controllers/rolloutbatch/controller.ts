import type { PreflightCluster } from '../../../src/engines/kubernetes/preflight-pod.ts';
import type { PodSettings } from '../../../src/engines/kubernetes/settings.ts';
import type { ClawGymServer } from '../../../src/protocol/claw-gym-server.ts';
import type { KubeClient } from '../../kube/client/typed-client.ts';
import { Controller, type ControllerOptions } from '../../kube/controller/controller.ts';
import { watchMapped, watchObjects, watchOwned } from '../../kube/controller/controller-sources.ts';
import type { ObjectKey } from '../../kube/objects/object-key.ts';
import { controllerOf } from '../../kube/objects/owner-references.ts';
import type { EventRecorder } from '../../kube/writes/event-recorder.ts';
import { StatusWriter } from '../../kube/writes/status-writer.ts';
import { refusedGate } from '../shared/joined-cache.ts';
import { rolloutBatches } from '../shared/kinds.ts';
import { FIELD_MANAGER } from '../shared/marks.ts';
import { Pace } from '../shared/pace.ts';
import type { SandboxPod } from '../shared/pods.ts';
import { PolicyPods } from '../shared/policy/policy-pods.ts';
import type { BatchWorld } from './batch-world.ts';
import { DepartedBatches } from './departed.ts';
import { InstallationReader } from './installation.ts';
import { LastSeenJobs } from './last-seen-jobs.ts';
import { NamespaceKeeper } from './namespace.ts';
import { NetworkProbe } from './network-probe.ts';
import type { BatchParts, BatchSettings } from './parts.ts';
import { Planner } from './planner.ts';
import { PodLedger } from './pod-ledger.ts';
import { reconcileBatch } from './reconcile.ts';
import type { SandboxDefaults } from './resources.ts';
import { ShortageReader } from './shortage.ts';
import { Sweeps } from './sweeps.ts';
import { VolumeSources } from './volume-source.ts';

export interface BatchControllerOptions {
  /** Over a fenced transport, where there is an election. */
  readonly client: KubeClient;
  readonly server: ClawGymServer;
  /** Over a transport that is not fenced. */
  readonly recorder: Pick<EventRecorder, 'record'>;
  readonly world: BatchWorld;
  readonly podSettings: PodSettings;
  readonly sandboxDefaults: SandboxDefaults;
  /** Service of the server's sandbox listener. */
  readonly service: ObjectKey;
  /** What of the cluster a network probe should try; absent: nothing is probed. */
  readonly preflight?: PreflightCluster | undefined;
  /** Every namespace is served. */
  readonly wholeCluster?: boolean;
  readonly controlling: Pick<ControllerOptions, 'clock' | 'logger' | 'workers' | 'metrics'>;
  readonly settings?: Partial<BatchSettings>;
  /** Between two status writes of one batch, default 1 s. */
  readonly minIntervalMs?: number;
}

const SETTINGS: BatchSettings = { defaultParallelism: 8, tickMs: 1000, countsMs: 5000 };

/** Carries RolloutBatches: the server decides, Jobs do the work (design: docs/design/cluster.md). */
export function rolloutBatchController(options: BatchControllerOptions): Controller {
  const { world } = options;
  return new Controller({
    name: 'rolloutbatch',
    reconcile: reconcileBatch(partsOf(options)),
    sources: [
      watchObjects('rolloutbatches', world.batches),
      watchOwned('jobs', world.jobs, rolloutBatches),
      watchMapped('pods', world.pods, batchesOfPod(world)),
    ],
    readGates: [
      refusedGate(world.batches),
      refusedGate(world.jobs),
      refusedGate(world.pods),
      world.writtenBatches,
      world.writtenJobs,
    ],
    ...options.controlling,
  });
}

function partsOf(options: BatchControllerOptions): BatchParts {
  const { client, recorder, sandboxDefaults, server, service, world } = options;
  const { clock } = options.controlling;
  const namespaces = new NamespaceKeeper(client, clock);
  const installation = new InstallationReader({
    ...{ client, server, clock, service },
    settings: options.podSettings,
  });
  const volumes = new VolumeSources({ client, server, clock, installation, namespaces });
  const policies = new PolicyPods({ client, server, clock });
  return {
    ...{ client, server, clock, world },
    ledger: new PodLedger(world.pods),
    lastSeen: new LastSeenJobs(world.jobs),
    departed: new DepartedBatches(world.batches, clock),
    ...{ installation, namespaces, volumes, policies },
    network: new NetworkProbe({
      ...{ client, clock, cluster: options.preflight },
      wholeCluster: options.wholeCluster,
    }),
    planner: new Planner({ client, server, clock, volumes }),
    shortages: new ShortageReader(client, clock),
    sweeps: new Sweeps(),
    pace: new Pace(clock),
    statusPace: new Pace(clock),
    status: new StatusWriter({
      ...{ clock, recorder },
      client: client.for(rolloutBatches),
      fieldManager: FIELD_MANAGER,
      written: world.writtenBatches,
      ...(options.minIntervalMs === undefined ? {} : { minIntervalMs: options.minIntervalMs }),
    }),
    defaults: sandboxDefaults,
    settings: { ...SETTINGS, ...options.settings },
  };
}

/** By the Job that a pod belongs to: pods name no batch by its name. */
function batchesOfPod(world: BatchWorld): (pod: SandboxPod) => readonly ObjectKey[] {
  return (pod) => {
    const job = controllerOf(pod);
    if (job === undefined) return [];
    const { namespace } = pod.metadata;
    const owner = world.jobs.get({ namespace, name: job.name });
    const batch = owner && controllerOf(owner);
    return batch === undefined ? [] : [{ namespace, name: batch.name }];
  };
}

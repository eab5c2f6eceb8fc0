import type { ClawGymServer } from '../../../src/protocol/claw-gym-server.ts';
import type { Clock } from '../../kube/base/clock.ts';
import type { KubeClient } from '../../kube/client/typed-client.ts';
import type { StatusWriter } from '../../kube/writes/status-writer.ts';
import type { RolloutBatch } from '../shared/kinds.ts';
import type { Pace } from '../shared/pace.ts';
import type { PolicyPods } from '../shared/policy/policy-pods.ts';
import type { BatchWorld } from './batch-world.ts';
import type { DepartedBatches } from './departed.ts';
import type { InstallationReader } from './installation.ts';
import type { LastSeenJobs } from './last-seen-jobs.ts';
import type { NamespaceKeeper } from './namespace.ts';
import type { NetworkProbe } from './network-probe.ts';
import type { Planner } from './planner.ts';
import type { PodLedger } from './pod-ledger.ts';
import type { SandboxDefaults } from './resources.ts';
import type { ShortageReader } from './shortage.ts';
import type { Sweeps } from './sweeps.ts';
import type { VolumeSources } from './volume-source.ts';

/** What the steps of a reconcile work with. Nothing in it is needed to be right, only to be cheap. */
export interface BatchParts {
  readonly client: KubeClient;
  readonly server: ClawGymServer;
  readonly clock: Clock;
  readonly world: BatchWorld;
  readonly ledger: PodLedger;
  readonly lastSeen: LastSeenJobs;
  readonly installation: InstallationReader;
  readonly namespaces: NamespaceKeeper;
  readonly network: NetworkProbe;
  readonly planner: Planner;
  readonly volumes: VolumeSources;
  readonly policies: PolicyPods;
  readonly shortages: ShortageReader;
  readonly sweeps: Sweeps;
  readonly departed: DepartedBatches;
  readonly pace: Pace;
  readonly statusPace: Pace;
  readonly status: StatusWriter<RolloutBatch>;
  readonly defaults: SandboxDefaults;
  readonly settings: BatchSettings;
}

export interface BatchSettings {
  /** Where a batch names no parallelism. */
  readonly defaultParallelism: number;
  /** Between two looks at a live batch. */
  readonly tickMs: number;
  /** Between two writes of a status in which only numbers changed. */
  readonly countsMs: number;
}

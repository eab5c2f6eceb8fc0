import { getServers } from 'node:dns';
import { hostname, networkInterfaces } from 'node:os';
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { PreflightCluster } from '../src/engines/kubernetes/preflight-pod.ts';
import type { ClawGymServer } from '../src/protocol/claw-gym-server.ts';
import type { BeforeSend } from '../src/protocol/operator-client.ts';
import type { OperatorConfig } from './config.ts';
import { allControllers } from './controllers/all-controllers.ts';
import { FIELD_MANAGER, REPORTING_CONTROLLER } from './controllers/shared/marks.ts';
import { systemClock } from './kube/base/clock.ts';
import type { Logger } from './kube/base/logger.ts';
import { createCacheMetrics } from './kube/cache/cache-metrics.ts';
import { beforeSend } from './kube/client/before-send.ts';
import { createCredentials } from './kube/client/credentials.ts';
import type { KubeConfigSource } from './kube/client/load-kube-config.ts';
import { createRequestMetrics } from './kube/client/request-metrics.ts';
import { createKubeClient } from './kube/client/typed-client.ts';
import { createTransport } from './kube/client/undici-transport.ts';
import { ControllerMetrics } from './kube/controller/controller-metrics.ts';
import { Manager, type ManagerEnd } from './kube/controller/manager.ts';
import { fencedTransport } from './kube/election/fenced-transport.ts';
import { LeaderElection } from './kube/election/leader-election.ts';
import { createLeaderElectionMetrics } from './kube/election/leader-election-metrics.ts';
import { leases } from './kube/election/lease.ts';
import { EventRecorder } from './kube/writes/event-recorder.ts';
import { events } from './kube/writes/event-resource.ts';
import { opsServer } from './ops-server.ts';

export interface OperatorProcess {
  readonly config: OperatorConfig;
  readonly cluster: KubeConfigSource;
  /** Opens the server's client; what changes anything there is to go through `fence`, where there is one. */
  readonly server: (fence: BeforeSend | undefined) => ClawGymServer & AsyncDisposable;
  readonly logger: Logger;
  readonly version: string;
  readonly listening?: (opsPort: number) => void;
}

/** Batches that are reconciled at the same time: most of a run is waiting for server and API server. */
const WORKERS = 8;

/** The whole operator until `signal` aborts or the lease is lost. */
export async function runOperator(
  process: OperatorProcess,
  signal: AbortSignal,
): Promise<ManagerEnd> {
  const { config, logger } = process;
  const clock = systemClock;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = createRequestMetrics(registry);
  const credentials = createCredentials({ source: process.cluster, clock, logger });
  const userAgent = `clawgym-operator/${process.version}`;
  await using transport = createTransport({
    credentials,
    clock,
    logger,
    userAgent,
    metrics: requests,
  });
  const bare = createKubeClient({ transport, metrics: requests });
  const identity = `${hostname()}_${crypto.randomUUID()}`;
  const election = electionOf(process, { bare, identity, registry });
  const fenced =
    election === undefined ? transport : fencedTransport(transport, election.leadership);
  await using server = process.server(
    election && ((place) => beforeSend(() => election.leadership.check(place))),
  );
  // Events are written when the work, and with it the term, has ended: never through the fence.
  const recorder = new EventRecorder({
    events: bare.for(events),
    reportingController: REPORTING_CONTROLLER,
    reportingInstance: identity,
    ...{ fieldManager: FIELD_MANAGER, clock, logger },
  });
  const { caches, controllers } = allControllers({
    ...{ client: createKubeClient({ transport: fenced, metrics: requests }), recorder },
    server,
    namespaces: config.namespaces,
    podSettings: config.podSettings,
    sandboxDefaults: config.sandboxDefaults,
    service: config.service,
    preflight: preflightCluster(process),
    caching: { clock, logger, random: Math.random, metrics: createCacheMetrics(registry) },
    controlling: { clock, logger, workers: WORKERS, metrics: new ControllerMetrics(registry) },
  });
  const alive = (): boolean => manager.alive;
  const ops = opsServer({
    ...{ port: config.opsPort, registry, alive },
    ready: alive,
    ...(process.listening === undefined ? {} : { listening: process.listening }),
  });
  const manager: Manager = new Manager({
    ...{ caches, controllers, clock, logger },
    services: config.opsPort === 0 ? [recorder] : [recorder, ops],
    ...(election === undefined ? {} : { elector: election }),
  });
  return await manager.run(signal);
}

/** Only a pod knows what its neighbours would try. */
function preflightCluster({ cluster, config }: OperatorProcess): PreflightCluster | undefined {
  if (cluster.kind !== 'in-cluster') return undefined;
  const own = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ internal }) => !internal)?.address;
  return {
    apiServer: { host: cluster.host, port: Number(cluster.port) },
    nameServers: getServers().map((server) => server.replace(/^\[|\](:\d+)?$/g, '')),
    ...(own === undefined || config.opsPort === 0
      ? {}
      : { otherPod: { host: own, port: config.opsPort } }),
  };
}

function electionOf(
  { config, logger }: OperatorProcess,
  parts: {
    readonly bare: ReturnType<typeof createKubeClient>;
    readonly identity: string;
    readonly registry: Registry;
  },
): LeaderElection | undefined {
  const { lease, namespace } = config;
  if (lease === undefined) return undefined;
  return new LeaderElection({
    leases: parts.bare.for(leases),
    ...{ namespace, name: lease, identity: parts.identity, fieldManager: FIELD_MANAGER },
    ...{ clock: systemClock, random: Math.random, logger },
    metrics: createLeaderElectionMetrics(parts.registry),
  });
}

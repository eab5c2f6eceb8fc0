import { PYTHON_PATH } from '../../phases/agent-spec.ts';
import { SANDBOX_PORT, SERVER_HOST } from '../../protocol/pod-contract.ts';
import { RESTRICTED, resources } from './containers.ts';
import { helperMetadata } from './helper-pod.ts';
import type { Pod } from './kube-types.ts';
import { commonSpec, placement } from './pod-template.ts';
import { PREFLIGHT_PROGRAM } from './preflight-program.ts';
import type { PodBatch, PodInstallation } from './settings.ts';
import { folder, mount } from './volumes.ts';

/** Kubelets of most distributions allow a pod 1,024 to 4,096 processes. */
const MOST_THREADS = 4200;
const SETTLE_SECONDS = 20;
const RUN_SECONDS = 120;
const ROOM = { cpuRequestMillis: 20, cpuMillis: 1000, memoryMiB: 384, diskMiB: 16 };
const KUBELET_PORT = 10_250;
export const PREFLIGHT_CONTAINER = 'preflight';

/** Names by which the finding speaks of what it tried. */
export const TARGET = {
  gateway: 'the server',
  ownNode: "the kubelet of the pod's own node",
} as const;

interface Address {
  readonly host: string;
  readonly port: number;
}

/** What of a cluster the probe should try: all of it is known to answer, else closed means nothing. */
export interface PreflightCluster {
  readonly apiServer: Address;
  /** Name servers that the operator's own pod uses. */
  readonly nameServers: readonly string[];
  /** A pod that listens, such as the operator's own probes. */
  readonly otherPod?: Address;
  /** A NodePort service, where there is one. */
  readonly nodePort?: Address;
}

/** A port of the node that the probe's pod will be on. */
export const ownNode = (port: number): Address => ({ host: '$HOST_IP', port });

/**
 * A sandbox pod without an agent that tries to reach what no sandbox may reach, and the server. A
 * batch owns it; it carries no batch label, so nobody counts it as work.
 */
export function preflightPod(
  name: string,
  batch: PodBatch,
  installation: PodInstallation,
  cluster: PreflightCluster,
): Pod {
  const { settings } = installation;
  const plan = {
    targets: targets(cluster),
    seconds: SETTLE_SECONDS,
    threads: MOST_THREADS,
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: helperMetadata(name, batch, 'clawgym-preflight'),
    spec: {
      ...commonSpec(installation),
      activeDeadlineSeconds: batch.spec.startDeadlineSeconds + RUN_SECONDS,
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: PREFLIGHT_CONTAINER,
          image: settings.images.runner,
          imagePullPolicy: settings.imagePullPolicy,
          command: [PYTHON_PATH, '-I', '-S', '-B', '-c', PREFLIGHT_PROGRAM, JSON.stringify(plan)],
          workingDir: '/',
          env: [{ name: 'HOST_IP', valueFrom: { fieldRef: { fieldPath: 'status.hostIP' } } }],
          volumeMounts: [mount('tmp', '/tmp')],
          resources: resources(ROOM),
          securityContext: RESTRICTED,
        },
      ],
      volumes: [folder('tmp', ROOM.diskMiB)],
      ...placement(batch.spec.sandbox),
    },
  };
}

interface Target extends Address {
  readonly name: string;
  readonly way: 'tcp' | 'dns' | 'lookup';
  /** True where sandboxes must reach it. */
  readonly open: boolean;
}

function targets({ apiServer, nameServers, otherPod, nodePort }: PreflightCluster): Target[] {
  const closed = (name: string, at: Address, way: Target['way'] = 'tcp'): Target => ({
    name,
    ...at,
    way,
    open: false,
  });
  return [
    { name: TARGET.gateway, host: SERVER_HOST, port: SANDBOX_PORT, way: 'tcp', open: true },
    closed('the API server', apiServer),
    closed('names of the cluster', { host: 'kubernetes.default.svc', port: 443 }, 'lookup'),
    ...nameServers.map((host) => closed(`name server ${host}`, { host, port: 53 }, 'dns')),
    ...(otherPod === undefined ? [] : [closed('another pod', otherPod)]),
    ...(nodePort === undefined ? [] : [closed('a NodePort service', nodePort)]),
    closed(TARGET.ownNode, ownNode(KUBELET_PORT)),
    closed('the metadata address', { host: '169.254.169.254', port: 80 }),
    closed('the internet', { host: '1.1.1.1', port: 443 }),
  ];
}

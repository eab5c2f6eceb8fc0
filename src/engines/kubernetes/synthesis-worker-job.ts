import type { KubeObject, ObjectMeta } from '../../../operator/kube/objects/kube-object.ts';
import { labelValue } from '../../../operator/kube/objects/labels.ts';
import { controllerRef } from '../../../operator/kube/objects/owner-references.ts';
import {
  AUDIENCES,
  ENV,
  EXIT,
  IMAGE_PATHS,
  LABELS,
  SANDBOX_PORT,
  SERVER_HOST,
  TRUSTED,
} from '../../protocol/pod-contract.ts';
import { RESTRICTED, resources } from './containers.ts';
import type { PodFailureRule, PodTemplate } from './kube-types.ts';
import { commonSpec, placement, tokenSeconds } from './pod-template.ts';
import { type PodBatch, type PodInstallation, SERVER_MARK, serverMark } from './settings.ts';
import { folder, mount, TOKEN_NAME, tokenMount, tokenVolume } from './volumes.ts';

const WORKER_CONTAINER = 'worker';
/** Annotation of the Job: what its pod was told of parallelism and budgets, in short. */
export const STEERING_MARK = 'clawgym.io/steering';
/** With index and random end a pod's name stays below 64 characters, so that it fits a label. */
const MAX_NAME = 52;
/** The Job controller's own retries; after them the operator makes the Job anew. */
const RETRIES = 4;
const GRACE_SECONDS = 10;
/** A pod that lives so long is replaced by another one, which goes on. */
const LIFE_SECONDS = 7 * 24 * 3600;
const STATE_MIB = 64;
/** All records of a job are in memory. */
const ROOM = { cpuRequestMillis: 100, cpuMillis: 1000, memoryMiB: 768, diskMiB: STATE_MIB };

export type SynthesisWorkerJob = {
  apiVersion: 'batch/v1';
  kind: 'Job';
  metadata: ObjectMeta;
  spec: {
    backoffLimit: number;
    podReplacementPolicy: 'Failed';
    podFailurePolicy: { rules: PodFailureRule[] };
    template: PodTemplate;
  };
};

export interface WorkerRequest {
  /** The SynthesisJob. */
  readonly owner: KubeObject;
  readonly sandbox: PodBatch['spec']['sandbox'];
  readonly installation: PodInstallation;
  readonly steeringMark: string;
}

/** The one name of a job's worker: `NAME-UID5-w`. */
export function workerJobName({ name, uid = '' }: KubeObject['metadata']): string {
  const tail = `-${uid.replaceAll('-', '').slice(0, 5)}-w`;
  return `${name.slice(0, MAX_NAME - tail.length).replace(/-+$/, '')}${tail}`;
}

/**
 * The Job that takes the records of a SynthesisJob through their stages (design: cluster.md 12): one pod of
 * ours, behind the policies of a sandbox, that reaches the server alone and keeps nothing.
 */
export function synthesisWorkerJob(request: WorkerRequest): SynthesisWorkerJob {
  const { owner, installation, sandbox, steeringMark } = request;
  const { namespace, name, uid = '' } = owner.metadata;
  const labels = {
    [LABELS.synthesis]: uid,
    'app.kubernetes.io/name': 'clawgym-synthesis',
    'app.kubernetes.io/instance': labelValue(name),
    'app.kubernetes.io/part-of': 'clawgym',
    'app.kubernetes.io/managed-by': 'clawgym-operator',
  };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: workerJobName(owner.metadata),
      ...(namespace === undefined ? {} : { namespace }),
      labels,
      annotations: {
        [SERVER_MARK]: serverMark(installation.server),
        [STEERING_MARK]: steeringMark,
      },
      ownerReferences: [controllerRef(owner)],
    },
    spec: {
      backoffLimit: RETRIES,
      podReplacementPolicy: 'Failed',
      podFailurePolicy: { rules: RULES },
      template: {
        metadata: { labels: { [LABELS.sandbox]: 'true', ...labels } },
        spec: {
          ...commonSpec(installation),
          activeDeadlineSeconds: LIFE_SECONDS,
          terminationGracePeriodSeconds: GRACE_SECONDS,
          containers: [worker(installation)],
          volumes: [
            tokenVolume(AUDIENCES.synthesis, tokenSeconds(GRACE_SECONDS)),
            folder('state', STATE_MIB),
          ],
          ...placement(sandbox),
        },
      },
    },
  };
}

/** An outage of the server, an eviction and a lost node cost no retry. */
const RULES: PodFailureRule[] = [
  { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
  {
    action: 'Ignore',
    onExitCodes: {
      containerName: WORKER_CONTAINER,
      operator: 'In',
      values: [EXIT.wait, EXIT.terminated],
    },
  },
];

function worker({ settings, server }: PodInstallation): PodTemplate['spec']['containers'][number] {
  return {
    name: WORKER_CONTAINER,
    image: settings.images.runner,
    imagePullPolicy: settings.imagePullPolicy,
    command: [IMAGE_PATHS.node, IMAGE_PATHS.synthesis],
    workingDir: '/',
    env: [
      { name: ENV.serverUrl, value: `https://${SERVER_HOST}:${SANDBOX_PORT}` },
      { name: ENV.serverCa, value: server.caBundle },
      { name: ENV.tokenFile, value: `${TRUSTED.token}/${TOKEN_NAME}` },
      { name: 'TMPDIR', value: TRUSTED.state },
    ],
    volumeMounts: [tokenMount(), mount('state', TRUSTED.state)],
    resources: resources(ROOM),
    securityContext: RESTRICTED,
    terminationMessagePolicy: 'FallbackToLogsOnError',
  };
}

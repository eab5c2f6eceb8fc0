import type { KubeObject, ObjectMeta } from '../../../operator/kube/objects/kube-object.ts';
import { controllerRef } from '../../../operator/kube/objects/owner-references.ts';
import type { TrainingRuntime } from '../../api/training-runtime.ts';
import {
  AUDIENCES,
  ENV,
  IMAGE_PATHS,
  LABELS,
  POLICY_ENV,
  POLICY_MOUNTS,
  POLICY_PORT,
  READY_FILE,
  SANDBOX_PORT,
  SERVER_HOST,
} from '../../protocol/pod-contract.ts';
import { NODE_FLAGS, RESTRICTED, readyProbe } from './containers.ts';
import type { EnvVar, VolumeMount } from './kube-types.ts';
import { commonSpec, placement, tokenSeconds } from './pod-template.ts';
import { type PodInstallation, SERVER_MARK, serverMark } from './settings.ts';
import { threadVariables } from './thread-count.ts';
import type { TrainerContainer, TrainerPodSpec, TrainerVolume } from './trainer-types.ts';
import { mebibytes, mount, readOnly, TOKEN_NAME, tokenMount } from './volumes.ts';

export const POLICY_CONTAINER = 'policy-server';
export const POLICY_FETCH = 'fetch';
const REPORT = 'report';
const GRACE_SECONDS = 30;
const SHM_MIB = 64;
const TMP_MIB = 1024;
const SMALL_MIB = 16;

type PolicyRuntime = Pick<TrainingRuntime['spec'], 'policyServer'> &
  Parameters<typeof placement>[0];

export interface PolicyPodRequest {
  readonly name: string;
  /** Whose runs it answers, and with which it ends. */
  readonly owner: KubeObject;
  readonly runtime: PolicyRuntime & {
    readonly policyServer: NonNullable<PolicyRuntime['policyServer']>;
  };
  /** Name that agents ask for. */
  readonly model: string;
  /** That it starts with. */
  readonly version: number;
  readonly gpuResource: string;
  readonly installation: PodInstallation;
}

export type PolicyPod = {
  apiVersion: 'v1';
  kind: 'Pod';
  metadata: ObjectMeta;
  spec: TrainerPodSpec;
};

/**
 * The pod that serves a model of ours (design: cluster.md 11). `fetch` brings the model by its digests and
 * makes the key; `report` tells the server where the policy server is and brings newer versions; the
 * policy server is the runtime's image, without token or address of anything. Behind the policies of a
 * sandbox, and beside them the one that lets the server in.
 */
export function policyPod(request: PolicyPodRequest): PolicyPod {
  const { name, owner, runtime, installation } = request;
  const { hostnameOverride: _hidden, ...common } = commonSpec(installation);
  const { namespace } = owner.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      labels: {
        [LABELS.sandbox]: 'true',
        [LABELS.policy]: 'true',
        'app.kubernetes.io/name': 'clawgym-policy',
        'app.kubernetes.io/part-of': 'clawgym',
        'app.kubernetes.io/managed-by': 'clawgym-operator',
      },
      annotations: { [SERVER_MARK]: serverMark(installation.server) },
      ownerReferences: [controllerRef(owner)],
    },
    spec: {
      ...common,
      dnsConfig: { ...common.dnsConfig },
      terminationGracePeriodSeconds: GRACE_SECONDS,
      initContainers: [
        trusted(POLICY_FETCH, 'fetch', request, [
          mount('models', POLICY_MOUNTS.models),
          mount('key', POLICY_MOUNTS.key),
        ]),
        {
          ...trusted(REPORT, 'serve', request, [
            mount('models', POLICY_MOUNTS.models),
            readOnly('key', POLICY_MOUNTS.key),
          ]),
          restartPolicy: 'Always',
          startupProbe: readyProbe(`${POLICY_MOUNTS.state}/${READY_FILE}`),
        },
      ],
      containers: [policyServer(request)],
      volumes: volumes(runtime.policyServer.sharedMemoryMiB ?? SHM_MIB),
      ...placement(runtime),
    },
  };
}

function trusted(
  name: string,
  program: 'fetch' | 'serve',
  { installation: { settings, server }, version }: PolicyPodRequest,
  volumeMounts: readonly VolumeMount[],
): TrainerContainer {
  const { cpuRequestMillis, cpuMillis, memoryMiB } = settings.trusted;
  const memory = mebibytes(memoryMiB);
  return {
    name,
    image: settings.images.runner,
    imagePullPolicy: settings.imagePullPolicy,
    command: [IMAGE_PATHS.node, ...NODE_FLAGS, IMAGE_PATHS.policy, program],
    workingDir: '/',
    env: [
      { name: ENV.serverUrl, value: `https://${SERVER_HOST}:${SANDBOX_PORT}` },
      { name: ENV.serverCa, value: server.caBundle },
      { name: ENV.tokenFile, value: `${POLICY_MOUNTS.token}/${TOKEN_NAME}` },
      { name: POLICY_ENV.version, value: String(version) },
      { name: 'TMPDIR', value: POLICY_MOUNTS.state },
    ],
    volumeMounts: [tokenMount(), ...volumeMounts, mount('state', POLICY_MOUNTS.state)],
    // No limit of disk: that of the pod would be the sum of those that are set.
    resources: {
      requests: { cpu: `${cpuRequestMillis}m`, memory },
      limits: { cpu: `${cpuMillis}m`, memory },
    },
    securityContext: RESTRICTED,
    terminationMessagePolicy: 'FallbackToLogsOnError',
  };
}

function policyServer(request: PolicyPodRequest): TrainerContainer {
  const { runtime, installation, model, version } = request;
  const { image, command, env, resources } = runtime.policyServer;
  const folder = `${POLICY_MOUNTS.models}/v-${version}`;
  const ours: EnvVar[] = [
    { name: POLICY_ENV.model, value: folder },
    { name: POLICY_ENV.template, value: `${folder}/chat_template.jinja` },
    { name: POLICY_ENV.name, value: model },
    { name: POLICY_ENV.version, value: String(version) },
    { name: POLICY_ENV.host, value: '0.0.0.0' },
    { name: POLICY_ENV.port, value: String(POLICY_PORT) },
    { name: POLICY_ENV.keyFile, value: `${POLICY_MOUNTS.key}/key` },
  ];
  const names = new Set(ours.map((one) => one.name));
  const threads = threadVariables(resources?.cpu);
  const given = Object.entries({ ...DEFAULTS, ...threads, ...env })
    .filter(([name]) => !names.has(name))
    .map(([name, value]): EnvVar => ({ name, value }));
  return {
    name: POLICY_CONTAINER,
    image,
    imagePullPolicy: installation.settings.imagePullPolicy,
    command: [...(command ?? OWN_COMMAND)],
    workingDir: '/tmp',
    // Ours first: those of the runtime may name them, as its command may.
    env: [...ours, ...given],
    volumeMounts: [
      readOnly('models', POLICY_MOUNTS.models),
      readOnly('key', POLICY_MOUNTS.key),
      mount('tmp', '/tmp'),
      mount('shm', '/dev/shm'),
    ],
    resources: serverResources(request),
    securityContext: RESTRICTED,
    terminationMessagePolicy: 'FallbackToLogsOnError',
  };
}

/** Of the trainer's image (docs/reference/policy-server.md); the kubelet fills in the names. */
const OWN_COMMAND = [
  ...['python', '-m', 'clawgym_trainer.policy_server'],
  ...['--model', '$(POLICY_MODEL)', '--template', '$(POLICY_TEMPLATE)'],
  ...['--host', '$(POLICY_HOST)', '--port', '$(POLICY_PORT)', '--port-file', '/tmp/port'],
  ...['--served-model-name', '$(POLICY_NAME)', '--policy-version', '$(POLICY_VERSION)'],
  ...['--token-file', '$(POLICY_KEY_FILE)'],
];

/** The root of the container is read-only, and the policy server reaches nothing at all. */
const DEFAULTS = { HOME: '/tmp', TMPDIR: '/tmp', LANG: 'C.UTF-8', HF_HUB_OFFLINE: '1' };

function serverResources({
  runtime: { policyServer: server },
  gpuResource,
}: PolicyPodRequest): TrainerContainer['resources'] {
  const { cpu, memory, ephemeralStorage } = server.resources ?? {};
  const fixed = {
    ...(memory === undefined ? {} : { memory }),
    ...(ephemeralStorage === undefined ? {} : { 'ephemeral-storage': ephemeralStorage }),
    ...(server.gpus === 0 ? {} : { [gpuResource]: String(server.gpus) }),
  };
  return { requests: { ...(cpu === undefined ? {} : { cpu }), ...fixed }, limits: fixed };
}

function volumes(shmMiB: number): TrainerVolume[] {
  const audience = AUDIENCES.policy;
  const expirationSeconds = tokenSeconds(GRACE_SECONDS);
  return [
    {
      name: 'token',
      projected: {
        defaultMode: 0o440,
        sources: [{ serviceAccountToken: { audience, expirationSeconds, path: TOKEN_NAME } }],
      },
    },
    // As large as the model: the limit of disk that the runtime asks for is the pod's.
    { name: 'models', emptyDir: {} },
    { name: 'key', emptyDir: { medium: 'Memory', sizeLimit: mebibytes(1) } },
    { name: 'state', emptyDir: { sizeLimit: mebibytes(SMALL_MIB) } },
    { name: 'tmp', emptyDir: { sizeLimit: mebibytes(TMP_MIB) } },
    { name: 'shm', emptyDir: { medium: 'Memory', sizeLimit: mebibytes(shmMiB) } },
  ];
}

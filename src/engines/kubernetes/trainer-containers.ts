import {
  ENV,
  IMAGE_PATHS,
  INDEX_ANNOTATION,
  READY_FILE,
  RUN_SPEC_FILE,
  SANDBOX_PORT,
  SERVER_HOST,
  TRAINING_MOUNTS,
  TRAINING_STATUS_PORT,
} from '../../protocol/pod-contract.ts';
import { NODE_FLAGS, RESTRICTED, readyProbe } from './containers.ts';
import type { EnvVar, VolumeMount } from './kube-types.ts';
import { threadVariables } from './thread-count.ts';
import type { TrainerJobRequest } from './trainer-request.ts';
import type { TrainerContainer, TrainerResources } from './trainer-types.ts';
import { mebibytes, mount, readOnly, TOKEN_NAME, tokenMount } from './volumes.ts';

export const TRAINER_CONTAINER = 'trainer';
export const FETCH_CONTAINER = 'fetch';
export const REPORT_CONTAINER = 'report';
/** Where the processes of several nodes find each other. */
export const RENDEZVOUS_PORT = 29_500;
/** Time for the last files of a run to reach the server, beside the trainer's own grace. */
export const UPLOAD_SECONDS = 900;

/** From the end of the pod on: the trainer's last checkpoint, then its way to the server. */
export const trainerGrace = ({ run }: Pick<TrainerJobRequest, 'run'>): number =>
  run.spec.checkpoint.graceSeconds + UPLOAD_SECONDS;

/** `fetch` lays out what the trainer needs; `report` stays beside it and hands in what it makes. */
export function trustedTrainerContainers(request: TrainerJobRequest): TrainerContainer[] {
  const fetch = trusted(FETCH_CONTAINER, request, [
    mount('in', TRAINING_MOUNTS.in),
    mount('out', TRAINING_MOUNTS.out),
    mount('spec', TRAINING_MOUNTS.spec),
  ]);
  const report = trusted(REPORT_CONTAINER, request, [mount('out', TRAINING_MOUNTS.out)]);
  return [
    fetch,
    {
      ...report,
      restartPolicy: 'Always',
      startupProbe: readyProbe(`${TRAINING_MOUNTS.state}/${READY_FILE}`),
    },
  ];
}

function trusted(
  name: string,
  request: TrainerJobRequest,
  volumeMounts: readonly VolumeMount[],
): TrainerContainer {
  const { settings, server } = request.installation;
  const { cpuRequestMillis, cpuMillis, memoryMiB } = settings.trusted;
  const memory = mebibytes(memoryMiB);
  return {
    name,
    image: settings.images.runner,
    imagePullPolicy: settings.imagePullPolicy,
    command: [IMAGE_PATHS.node, ...NODE_FLAGS, IMAGE_PATHS.training, name],
    workingDir: '/',
    env: [
      { name: ENV.serverUrl, value: `https://${SERVER_HOST}:${SANDBOX_PORT}` },
      { name: ENV.serverCa, value: server.caBundle },
      { name: ENV.tokenFile, value: `${TRAINING_MOUNTS.token}/${TOKEN_NAME}` },
      { name: ENV.graceSeconds, value: String(trainerGrace(request)) },
      nodeRank('NODE_RANK'),
      { name: 'TMPDIR', value: TRAINING_MOUNTS.state },
    ],
    volumeMounts: [tokenMount(), ...volumeMounts, mount('state', TRAINING_MOUNTS.state)],
    // No limit of disk: that of the pod would be the sum of those that are set.
    resources: {
      requests: { cpu: `${cpuRequestMillis}m`, memory },
      limits: { cpu: `${cpuMillis}m`, memory },
    },
    securityContext: RESTRICTED,
    terminationMessagePolicy: 'FallbackToLogsOnError',
  };
}

/** What trains: the runtime's image without token, secret or address of the server. */
export function trainerContainer(request: TrainerJobRequest): TrainerContainer {
  const { runtime, installation } = request;
  const { image, command } = runtime.trainer;
  return {
    name: TRAINER_CONTAINER,
    image,
    imagePullPolicy: installation.settings.imagePullPolicy,
    ...(command === undefined ? {} : { command: [...command] }),
    workingDir: TRAINING_MOUNTS.out,
    env: environment(request),
    volumeMounts: [
      readOnly('in', TRAINING_MOUNTS.in),
      mount('out', TRAINING_MOUNTS.out),
      readOnly('spec', TRAINING_MOUNTS.spec),
      mount('tmp', '/tmp'),
      mount('shm', '/dev/shm'),
    ],
    resources: trainerResources(request),
    securityContext: RESTRICTED,
    terminationMessagePolicy: 'FallbackToLogsOnError',
  };
}

function environment(request: TrainerJobRequest): EnvVar[] {
  const { run, runtime, name } = request;
  const { nodes } = run.spec.trainer;
  const own: EnvVar[] = [
    { name: 'RUN_SPEC', value: `${TRAINING_MOUNTS.spec}/${RUN_SPEC_FILE}` },
    { name: 'RUN_IN', value: TRAINING_MOUNTS.in },
    { name: 'RUN_OUT', value: TRAINING_MOUNTS.out },
    {
      name: 'KUBEFLOW_TRAINER_SERVER_URL',
      value: `http://127.0.0.1:${TRAINING_STATUS_PORT}/status`,
    },
  ];
  const others: EnvVar[] = [
    { name: 'PET_NNODES', value: String(nodes) },
    { name: 'PET_NPROC_PER_NODE', value: String(Math.max(1, gpusOf(request))) },
    nodeRank('PET_NODE_RANK'),
    { name: 'PET_MASTER_ADDR', value: `${name}-0.${name}` },
    { name: 'PET_MASTER_PORT', value: String(RENDEZVOUS_PORT) },
  ];
  const threads = threadVariables(askedOf(request).cpu, Math.max(1, gpusOf(request)));
  const given = Object.entries({ ...DEFAULTS, ...threads, ...runtime.trainer.env }).map(
    ([key, value]): EnvVar => ({ name: key, value }),
  );
  const ours = nodes > 1 ? [...own, ...others] : own;
  const names = new Set(ours.map((one) => one.name));
  return [...given.filter((one) => !names.has(one.name)), ...ours];
}

/** The root of the container is read-only, and nothing outside of the pod is reached but the server. */
const DEFAULTS = {
  HOME: '/tmp',
  TMPDIR: '/tmp',
  LANG: 'C.UTF-8',
  HF_HUB_OFFLINE: '1',
};

const nodeRank = (name: string): EnvVar => ({
  name,
  valueFrom: { fieldRef: { fieldPath: `metadata.annotations['${INDEX_ANNOTATION}']` } },
});

/** GPUs of each pod: those of the run, else those of the runtime. */
export function gpusOf({ run, runtime }: Pick<TrainerJobRequest, 'run' | 'runtime'>): number {
  return run.spec.trainer.gpusPerNode || runtime.trainer.gpus;
}

/** The words of the run stand before those of the runtime. */
function askedOf({ run, runtime }: TrainerJobRequest) {
  return { ...runtime.trainer.resources, ...run.spec.trainer.resources };
}

function trainerResources(request: TrainerJobRequest): TrainerResources {
  const { run } = request;
  const { cpu, memory, ephemeralStorage } = askedOf(request);
  const gpus = gpusOf(request);
  const fixed = {
    ...(memory === undefined ? {} : { memory }),
    ...(ephemeralStorage === undefined ? {} : { 'ephemeral-storage': ephemeralStorage }),
    ...(gpus === 0 ? {} : { [run.spec.trainer.gpuResource]: String(gpus) }),
  };
  return { requests: { ...(cpu === undefined ? {} : { cpu }), ...fixed }, limits: fixed };
}

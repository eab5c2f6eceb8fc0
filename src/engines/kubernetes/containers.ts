import type { Shape } from '../../protocol/operator-api.ts';
import {
  ENV,
  IMAGE_PATHS,
  READY_FILE,
  type Role,
  SANDBOX_PORT,
  SERVER_HOST,
  TRUSTED,
} from '../../protocol/pod-contract.ts';
import type { Container, EnvVar, VolumeMount } from './kube-types.ts';
import type { PodInstallation, PodSettings } from './settings.ts';
import { mebibytes, shmMount, TOKEN_NAME, tokenMount } from './volumes.ts';

/** Logs of a container and what the runtime itself writes. */
const LOGS_MIB = 32;
/** The kubelet restarts a sidecar that is not ready by then; the pod's deadline ends that. */
const READY_TRIES = 120;
const READY_TRY_SECONDS = 5;
/**
 * Ends when the file is there. One that waits does with one start what a glance a second does with many:
 * each costs a node as much as all that the sidecar does, most of all where the node is busy already.
 */
const AWAIT_FILE = 'exec 3<> <(:); until [[ -e $0 ]]; do read -rt 0.1 -u 3; done';
/** Nobody asks for the authorities that everybody trusts, and Node would read them at each start. */
export const NODE_FLAGS = ['--use-openssl-ca'];

/** What the Pod Security level `restricted` asks of a container, and a read-only root. */
export const RESTRICTED: Container['securityContext'] = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};

interface Room {
  readonly cpuRequestMillis: number;
  readonly cpuMillis: number;
  readonly memoryMiB: number;
  readonly diskMiB: number;
}

/**
 * Memory and disk that are requested are also the limit, so that node pressure takes no pod that
 * keeps to its own.
 */
export function resources(room: Room): Container['resources'] {
  const fixed = {
    memory: mebibytes(room.memoryMiB),
    'ephemeral-storage': mebibytes(room.diskMiB + LOGS_MIB),
  };
  return {
    requests: { cpu: `${room.cpuRequestMillis}m`, ...fixed },
    limits: { cpu: `${room.cpuMillis}m`, ...fixed },
  };
}

export function imageOf(image: Shape['image'], settings: PodSettings): string {
  return typeof image === 'string' ? settings.images[image] : image.reference;
}

export interface TrustedContext {
  readonly installation: PodInstallation;
  readonly graceSeconds: number;
}

/**
 * A container of ours: the phase program of its role, with the token of the pod.
 *
 * @param diskMiB Volumes that the limit of this container must cover.
 */
export function trustedContainer(
  role: Role,
  { installation: { settings, server }, graceSeconds }: TrustedContext,
  volumeMounts: readonly VolumeMount[],
  diskMiB: number,
): Container {
  return {
    name: role,
    image: settings.images.runner,
    imagePullPolicy: settings.imagePullPolicy,
    command: [IMAGE_PATHS.node, ...NODE_FLAGS, IMAGE_PATHS.phase, role],
    workingDir: '/',
    env: [
      { name: ENV.serverUrl, value: `https://${SERVER_HOST}:${SANDBOX_PORT}` },
      { name: ENV.serverCa, value: server.caBundle },
      { name: ENV.tokenFile, value: `${TRUSTED.token}/${TOKEN_NAME}` },
      { name: ENV.graceSeconds, value: String(graceSeconds) },
      { name: 'TMPDIR', value: TRUSTED.state },
    ],
    volumeMounts: [tokenMount(), ...volumeMounts, shmMount(role)],
    resources: resources({ ...settings.trusted, diskMiB }),
    securityContext: RESTRICTED,
    terminationMessagePolicy: 'FallbackToLogsOnError',
  };
}

/**
 * A container of ours that stays beside the untrusted one, which starts when `READY_FILE` is there
 * and whose end it is told by SIGTERM.
 */
export function sidecar(container: Container): Container {
  const startupProbe = readyProbe(`${TRUSTED.state}/${READY_FILE}`);
  return { ...container, restartPolicy: 'Always', startupProbe };
}

/** Waits for the file that a sidecar makes once it serves. */
export const readyProbe = (file: string): NonNullable<Container['startupProbe']> => ({
  exec: { command: ['/bin/bash', '-c', AWAIT_FILE, file] },
  periodSeconds: 1,
  timeoutSeconds: READY_TRY_SECONDS,
  failureThreshold: READY_TRIES,
});

/** The container that runs what is not ours: no token, no address, no secret. */
export function untrustedContainer(
  name: 'agent' | 'grade',
  command: readonly string[],
  { shape, settings }: { readonly shape: Shape; readonly settings: PodSettings },
  volumeMounts: readonly VolumeMount[],
  diskMiB: number,
): Container {
  const { cpuMillis, memoryMiB } = shape;
  const cpuRequestMillis = Math.max(1, Math.floor((cpuMillis * settings.cpuRequestPercent) / 100));
  return {
    name,
    image: imageOf(shape.image, settings),
    imagePullPolicy: settings.imagePullPolicy,
    command: [...command],
    workingDir: '/',
    env: UNTRUSTED_ENV,
    volumeMounts: [...volumeMounts, shmMount(name)],
    resources: resources({ cpuRequestMillis, cpuMillis, memoryMiB, diskMiB }),
    securityContext: RESTRICTED,
  };
}

const UNTRUSTED_ENV: EnvVar[] = [
  { name: 'PATH', value: '/usr/local/bin:/usr/bin:/bin' },
  { name: 'HOME', value: '/tmp' },
  { name: 'LANG', value: 'C.UTF-8' },
  { name: 'TZ', value: 'UTC' },
];

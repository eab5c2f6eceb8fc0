import { TRUSTED } from '../../protocol/pod-contract.ts';
import type { Volume, VolumeMount } from './kube-types.ts';

const SHM_MIB = 64;
/** `/tmp` of an untrusted container. */
export const TMP_MIB = 256;
/** What a snapshot takes beyond the files in it. */
export const PACKED_MIB = 64;
/** `token` below `TRUSTED.token`. */
export const TOKEN_NAME = 'token';

export function mebibytes(count: number): string {
  return `${count}Mi`;
}

/** An empty folder on the node's disk; the kubelet evicts the pod when it grows larger. */
export function folder(name: string, sizeMiB: number): Volume {
  return { name, emptyDir: { sizeLimit: mebibytes(sizeMiB) } };
}

export function mount(name: string, mountPath: string): VolumeMount {
  return { name, mountPath };
}

/** With all that is mounted below it, where kernel (5.12) and runtime can: a claim may bring mounts along. */
export function readOnly(name: string, mountPath: string): VolumeMount {
  return { name, mountPath, readOnly: true, recursiveReadOnly: 'IfPossible' };
}

/** Each container has its own, else one could pass the other something through the default one. */
export function shmVolume(container: string): Volume {
  return {
    name: `shm-${container}`,
    emptyDir: { medium: 'Memory', sizeLimit: mebibytes(SHM_MIB) },
  };
}

export function shmMount(container: string): VolumeMount {
  return mount(`shm-${container}`, '/dev/shm');
}

/** The API server itself refuses a token of this audience. Readable by the pod's one uid. */
export function tokenVolume(audience: string, expirationSeconds: number): Volume {
  return {
    name: 'token',
    projected: {
      defaultMode: 0o440,
      sources: [{ serviceAccountToken: { audience, expirationSeconds, path: TOKEN_NAME } }],
    },
  };
}

export function tokenMount(): VolumeMount {
  return readOnly('token', TRUSTED.token);
}

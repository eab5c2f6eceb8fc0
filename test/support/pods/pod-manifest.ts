import { BUSYBOX_IMAGE } from '../../cluster/node/images.ts';

/** A container that runs a script of busybox's shell; further fields win. */
export function shell(script: string, fields: Readonly<Record<string, unknown>> = {}) {
  return {
    name: 'main',
    image: BUSYBOX_IMAGE,
    imagePullPolicy: 'Never',
    command: ['sh', '-c', script],
    ...fields,
  };
}

/** Spec of a pod that ends quickly when it is told to and is never started again. */
export function podSpec(
  containers: readonly object[],
  fields: Readonly<Record<string, unknown>> = {},
) {
  return { restartPolicy: 'Never', terminationGracePeriodSeconds: 1, containers, ...fields };
}

export function onNode(name: string) {
  return { nodeSelector: { 'kubernetes.io/hostname': name } };
}

/** What the Pod Security level `restricted` asks of a pod. */
export const RESTRICTED_POD = {
  securityContext: {
    runAsNonRoot: true,
    runAsUser: 10_001,
    runAsGroup: 10_001,
    fsGroup: 10_001,
    seccompProfile: { type: 'RuntimeDefault' },
  },
};

/** What it asks of each container. */
export const RESTRICTED_CONTAINER = {
  securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
};

/** Writes this many MiB of zeros to a file. */
export function writeMebibytes(count: number, path: string): string {
  return `dd if=/dev/zero of=${path} bs=1M count=${count} 2>/dev/null`;
}

/** Uses more and more memory until something stops it: a line without an end is kept whole. */
export const EAT_MEMORY = 'tail /dev/zero';

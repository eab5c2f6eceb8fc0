import { MAX_IMPORT_MIB } from '../../protocol/import-api.ts';
import {
  AUDIENCES,
  ENV,
  IMAGE_PATHS,
  IMPORT_MOUNTS,
  SANDBOX_PORT,
  SERVER_HOST,
} from '../../protocol/pod-contract.ts';
import { RESTRICTED, resources } from './containers.ts';
import { helperMetadata } from './helper-pod.ts';
import type { Pod } from './kube-types.ts';
import { commonSpec, placement, tokenSeconds } from './pod-template.ts';
import type { PodBatch, PodInstallation } from './settings.ts';
import {
  folder,
  mount,
  PACKED_MIB,
  readOnly,
  TOKEN_NAME,
  tokenMount,
  tokenVolume,
} from './volumes.ts';

export const IMPORT_CONTAINER = 'import';
/** From the moment that a node has the pod: its volume is mounted and its image pulled in this time. */
const RUN_SECONDS = 1800;
const GRACE_SECONDS = 5;
/** Tasks that are no packed task set are held whole. */
export const IMPORT_MEMORY_MIB = 768;
const ROOM = {
  cpuRequestMillis: 50,
  cpuMillis: 1000,
  memoryMiB: IMPORT_MEMORY_MIB,
  diskMiB: MAX_IMPORT_MIB + PACKED_MIB,
};

/** `spec.tasks.persistentVolumeClaim`. */
export interface VolumeSource {
  readonly claimName: string;
  readonly path: string;
}

/**
 * The pod that reads tasks from a volume of the batch's namespace and hands them to the server
 * (design: cluster.md 9): ours alone, and the volume is mounted read-only, since what is on it is
 * hostile. A batch owns it; it carries no batch label, so nobody counts it as work.
 */
export function importPod(
  name: string,
  batch: PodBatch,
  installation: PodInstallation,
  { claimName, path }: VolumeSource,
): Pod {
  const { settings, server } = installation;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: helperMetadata(name, batch, 'clawgym-import'),
    spec: {
      ...commonSpec(installation),
      activeDeadlineSeconds: RUN_SECONDS,
      terminationGracePeriodSeconds: GRACE_SECONDS,
      containers: [
        {
          name: IMPORT_CONTAINER,
          image: settings.images.runner,
          imagePullPolicy: settings.imagePullPolicy,
          command: [IMAGE_PATHS.node, IMAGE_PATHS.import, literal(path)],
          workingDir: '/',
          env: [
            { name: ENV.serverUrl, value: `https://${SERVER_HOST}:${SANDBOX_PORT}` },
            { name: ENV.serverCa, value: server.caBundle },
            { name: ENV.tokenFile, value: `${IMPORT_MOUNTS.token}/${TOKEN_NAME}` },
            { name: 'TMPDIR', value: IMPORT_MOUNTS.state },
          ],
          volumeMounts: [
            tokenMount(),
            readOnly('source', IMPORT_MOUNTS.source),
            mount('state', IMPORT_MOUNTS.state),
          ],
          resources: resources(ROOM),
          securityContext: RESTRICTED,
          terminationMessagePolicy: 'FallbackToLogsOnError',
        },
      ],
      volumes: [
        tokenVolume(AUDIENCES.import, tokenSeconds(GRACE_SECONDS)),
        { name: 'source', persistentVolumeClaim: { claimName, readOnly: true } },
        folder('state', ROOM.diskMiB),
      ],
      ...placement(batch.spec.sandbox),
    },
  };
}

/** The kubelet replaces `$(NAME)` in commands. */
const literal = (text: string): string => text.replaceAll('$', () => '$$');

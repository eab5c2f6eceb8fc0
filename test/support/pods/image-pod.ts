import { type ImageName, imageReference } from '../../cluster/images/image-names.ts';

/** A task's choice of workspace, below a folder that other systems close to all but root. */
export const WORKSPACE = '/root/.openclaw/workspace';

const RESTRICTED = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};

export interface ImagePodOptions {
  readonly image: ImageName;
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly memory?: string;
  /** Folders that the container mounts; each is a volume that the other containers see there too. */
  readonly volumes: readonly string[];
  /** Text files in these volumes, there before the container starts. */
  readonly files: Readonly<Record<string, string>>;
  /** Files that the log of the container `keeper` shows after the container's end, one a line. */
  readonly keep: readonly string[];
}

/** A pod of one image under the rules for sandboxes, with helpers before and after its container. */
export function imagePod({ image, command, volumes, ...options }: ImagePodOptions): object {
  const { environment = {}, memory = '256Mi', files, keep } = options;
  const names = volumes.map((path) => ({ name: volumeName(path), mountPath: path }));
  const variables = Object.entries(files).map(([, value], index) => ({ name: `F${index}`, value }));
  const writes = Object.keys(files).map((path, index) => `printf %s "$F${index}" > ${path}`);
  const container = (name: string, fields: object): object => ({
    name,
    image: imageReference(image),
    imagePullPolicy: 'Never',
    volumeMounts: names,
    securityContext: RESTRICTED,
    ...fields,
  });
  const shell = (line: string): readonly string[] => ['/bin/sh', '-c', line];
  const show = keep.map((path) => `cat ${path}; echo`).join('; ');
  return {
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 5,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 65_534,
      runAsGroup: 65_534,
      fsGroup: 65_534,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    volumes: volumes.map((path) => ({ name: volumeName(path), emptyDir: {} })),
    initContainers: [
      container('files', { command: shell(writes.join(' && ')), env: variables }),
      container('keeper', {
        restartPolicy: 'Always',
        command: shell(`trap '${show}; exit 0' TERM; while :; do sleep 0.1; done`),
      }),
    ],
    containers: [
      container('main', {
        command,
        env: Object.entries(environment).map(([name, value]) => ({ name, value })),
        resources: { limits: { memory }, requests: { memory } },
      }),
    ],
  };
}

function volumeName(path: string): string {
  return path.replaceAll(/[^a-z]+/g, '-').replaceAll(/^-|-$/g, '');
}

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
  readonly memory?: string;
  /** Folders that the container mounts; each is a volume that the other containers see there too. */
  readonly volumes: readonly string[];
  /** Text files in these volumes, there before the container starts. */
  readonly files: Readonly<Record<string, string>>;
  /** Files that the log of the container `keeper` shows after the container's end, one a line. */
  readonly keep: readonly string[];
}

const POD = {
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
};

/** A pod with one container of the image as it is, under the rules for sandboxes. */
export function bareImagePod(image: ImageName, fields: object): object {
  return { ...POD, containers: [container(image, 'main', fields)] };
}

/** The same with helpers before and after its container; the image must have a shell. */
export function imagePod({ image, command, volumes, ...options }: ImagePodOptions): object {
  const { memory = '256Mi', files, keep } = options;
  const volumeMounts = volumes.map((path) => ({ name: volumeName(path), mountPath: path }));
  const variables = Object.entries(files).map(([, value], index) => ({ name: `F${index}`, value }));
  const writes = Object.keys(files).map((path, index) => `printf %s "$F${index}" > ${path}`);
  const shell = (line: string): readonly string[] => ['/bin/sh', '-c', line];
  const show = keep.map((path) => `cat ${path}; echo`).join('; ');
  return {
    ...POD,
    volumes: volumes.map((path) => ({ name: volumeName(path), emptyDir: {} })),
    initContainers: [
      container(image, 'files', {
        volumeMounts,
        command: shell(['true', ...writes].join(' && ')),
        env: variables,
      }),
      container(image, 'keeper', {
        volumeMounts,
        restartPolicy: 'Always',
        command: shell(
          `trap '${show}${show === '' ? '' : '; '}exit 0' TERM; while :; do sleep 0.1; done`,
        ),
      }),
    ],
    containers: [
      container(image, 'main', {
        volumeMounts,
        command,
        resources: { limits: { memory }, requests: { memory } },
      }),
    ],
  };
}

function container(image: ImageName, name: string, fields: object): object {
  return {
    name,
    image: imageReference(image),
    imagePullPolicy: 'Never',
    securityContext: RESTRICTED,
    ...fields,
  };
}

function volumeName(path: string): string {
  return path.replaceAll(/[^a-z]+/g, '-').replaceAll(/^-|-$/g, '');
}

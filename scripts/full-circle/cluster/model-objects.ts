import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../../../src/base/digest.ts';
import { IMAGE_PATHS } from '../../../src/protocol/pod-contract.ts';
import { CIRCLE } from '../circle-manifests.ts';

/** Of Deployment, Service, ConfigMap, and of the Secret that the manifests name. */
export const MODELS = 'scripted-models';
const PORT = 8000;
const SOURCES = ['scripted-models.ts', 'note-tasks.ts'] as const;

export interface ModelImage {
  /** One that holds Node where images of ours do. */
  readonly image: string;
  readonly imagePullPolicy: string;
}

/**
 * The scripted models as a pod of the namespace, run from source, their Service, and the upstream Secret that
 * names it. The pod is no sandbox: the server reaches it as it reaches any endpoint.
 */
export async function modelObjects(namespace: string, image: ModelImage): Promise<object> {
  const data = Object.fromEntries(
    await Promise.all(
      SOURCES.map(async (name) => [name, await readFile(join(CIRCLE, name), 'utf8')] as const),
    ),
  );
  const metadata = { name: MODELS, labels: { app: MODELS } };
  const baseURL = `http://${MODELS}.${namespace}.svc:${PORT}/v1`;
  const spec = { selector: { app: MODELS }, ports: [{ port: PORT }] };
  const stringData = { baseURL, apiKey: 'none' };
  const items = [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data },
    { apiVersion: 'v1', kind: 'Service', metadata, spec },
    { apiVersion: 'v1', kind: 'Secret', type: 'clawgym.io/upstream', metadata, stringData },
    deployment(image, sha256(JSON.stringify(data))),
  ];
  return { apiVersion: 'v1', kind: 'List', items };
}

function deployment({ image, imagePullPolicy }: ModelImage, sources: string): object {
  const labels = { app: MODELS };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: MODELS, labels },
    spec: {
      // The teacher counts how often it saw a task: one of it.
      replicas: 1,
      strategy: { type: 'Recreate' },
      selector: { matchLabels: labels },
      template: {
        metadata: { labels, annotations: { 'clawgym.io/sources': sources.slice(0, 16) } },
        spec: {
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 65_534,
            seccompProfile: { type: 'RuntimeDefault' },
          },
          containers: [container(image, imagePullPolicy)],
          volumes: [{ name: 'sources', configMap: { name: MODELS } }],
        },
      },
    },
  };
}

function container(image: string, imagePullPolicy: string): object {
  const [program] = SOURCES;
  return {
    name: 'models',
    ...{ image, imagePullPolicy },
    // What a ConfigMap mounts are links, and a program is told where they lead.
    command: [IMAGE_PATHS.node, '--preserve-symlinks-main', `/srv/${program}`, String(PORT)],
    workingDir: '/',
    resources: { requests: { cpu: '20m', memory: '64Mi' }, limits: { memory: '256Mi' } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    readinessProbe: { tcpSocket: { port: PORT }, periodSeconds: 1 },
    volumeMounts: [{ name: 'sources', mountPath: '/srv' }],
  };
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { IMAGE_PATHS } from '../../src/protocol/pod-contract.ts';
import { imageReference } from '../../test/cluster/images/image-names.ts';
import type { Installation } from '../../test/support/installation.ts';

const PORT = 8000;
/** Name of the upstream Secret that `startRecordedModel` makes where none is asked for. */
export const RECORDED_UPSTREAM = 'recorded-upstream';

export interface RecordedModelOptions {
  /** Of pod, Service and Secret. */
  readonly name?: string;
  /** How long each answer takes, default 0. */
  readonly thinkMs?: number;
  /** Where the pod runs, default anywhere. */
  readonly node?: string;
}

/** A pod that answers from a recording, its Service, and the upstream Secret that names it. */
export async function startRecordedModel(
  installation: Installation,
  recording: string,
  options: RecordedModelOptions = {},
): Promise<void> {
  const text = readFileSync(recording, 'utf8');
  await startModelPod(installation, 'recorded-model-server.ts', text, options);
}

/**
 * A pod that answers as a program of this folder does, its Service, and the upstream Secret that names it.
 *
 * @param text What the program is given as the file of its first argument.
 */
export async function startModelPod(
  installation: Installation,
  program: string,
  text: string,
  { name = RECORDED_UPSTREAM, thinkMs = 0, node }: RecordedModelOptions = {},
): Promise<void> {
  const bundle = await build({
    entryPoints: [join(import.meta.dirname, program)],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    minify: true,
    write: false,
  });
  const data = {
    'server.mjs': bundle.outputFiles[0]?.text ?? '',
    'recording.jsonl': text,
  };
  const baseURL = `http://${name}.${installation.namespace}.svc:${PORT}/v1`;
  const list = {
    apiVersion: 'v1',
    kind: 'List',
    items: [
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data },
      modelPod(name, thinkMs, node),
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name },
        spec: { selector: { app: name }, ports: [{ port: PORT }] },
      },
      {
        apiVersion: 'v1',
        kind: 'Secret',
        type: 'clawgym.io/upstream',
        metadata: { name },
        stringData: { baseURL, apiKey: 'recorded' },
      },
    ],
  };
  // The bundle is too long for the annotation of a client-side apply.
  await installation.kubectl(['apply', '--server-side', '--filename', '-'], JSON.stringify(list));
  const ready = ['wait', '--for=condition=Ready', '--timeout=120s', `pod/${name}`];
  await installation.kubectl(ready);
}

function modelPod(name: string, thinkMs: number, node: string | undefined): object {
  const files = ['/srv/server.mjs', '/srv/recording.jsonl'];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name } },
    spec: {
      ...(node !== undefined && { nodeSelector: { 'kubernetes.io/hostname': node } }),
      automountServiceAccountToken: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65_534,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [
        {
          name: 'model',
          image: imageReference('runner'),
          imagePullPolicy: 'Never',
          command: [IMAGE_PATHS.node, ...files, String(PORT), String(thinkMs)],
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          readinessProbe: { tcpSocket: { port: PORT }, periodSeconds: 1 },
          volumeMounts: [{ name: 'files', mountPath: '/srv' }],
        },
      ],
      volumes: [{ name: 'files', configMap: { name } }],
    },
  };
}

import { randomUUID } from 'node:crypto';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { clusterEnvironment } from '../../../test/cluster/cluster-environment.ts';
import type { NodeLayer } from '../../../test/cluster/node/node-layer.ts';
import { type ImageEntry, writeOciImage } from '../../../test/cluster/node/oci-image.ts';
import { runTool } from '../../../test/cluster/node/run-tool.ts';
import type { Installation } from '../../../test/support/installation.ts';
import { chainModel } from './chain-model.ts';
import { ensureLlamaServer } from './install-server.ts';
import { SCRIPTED_CHAIN } from './scripted-chain.ts';

const IMAGE = 'localhost/second-endpoint:1';
const NAME = 'second-endpoint';
const PORT = 8000;
const PROGRAM = '/bin/llama-server';
const MODEL = '/srv/chain.gguf';
const KEY_FOLDER = '/run/key';
const USER = 65_534;

/** The server of llama.cpp in a pod, with the scripted model, for calls with this key alone; its address. */
export async function startEndpointPod(
  layer: NodeLayer,
  installation: Installation,
  scratch: string,
  key: string,
): Promise<string> {
  const program = await ensureLlamaServer();
  const model = join(scratch, 'chain.gguf');
  const image = join(scratch, `${randomUUID()}.tar`);
  await writeFile(model, chainModel(SCRIPTED_CHAIN));
  await writeOciImage(image, {
    ...{ name: IMAGE, entries: await entriesOf(program, model), entrypoint: [PROGRAM] },
    ...{ env: ['LD_LIBRARY_PATH=/lib'], user: `${USER}:${USER}` },
  });
  await layer.importImage(image);
  await rm(image);
  const list = {
    apiVersion: 'v1',
    kind: 'List',
    items: [keySecret(key), endpointPod(), service()],
  };
  await installation.kubectl(['create', '--filename', '-'], JSON.stringify(list));
  await installation.kubectl(['wait', '--for=condition=Ready', '--timeout=180s', `pod/${NAME}`]);
  return `http://${NAME}.${installation.namespace}.svc:${PORT}/v1`;
}

/** The program, every shared object that it loads, and the model. */
async function entriesOf(program: string, model: string): Promise<readonly ImageEntry[]> {
  const { env } = clusterEnvironment();
  const signal = AbortSignal.timeout(60_000);
  const loaded = await runTool(['ldd', program], { env, signal });
  const named = [...loaded.matchAll(/^\s*(\S+) => (\/\S+)/gm)].map(
    ([, name = '', source = '']) => ({
      ...({ kind: 'file', path: `/lib/${name}`, source } as const),
    }),
  );
  const [, loader = ''] = /^\s*(\/\S+) \(/m.exec(loaded) ?? [];
  const own = (await readdir(dirname(program))).filter((name) => name.includes('.so'));
  const known = new Set(named.map(({ path }) => basename(path)));
  const others = own
    .filter((name) => !known.has(name))
    .map((name) => ({
      ...({ kind: 'file', path: `/lib/${name}`, source: join(dirname(program), name) } as const),
    }));
  const folders = ['/bin', '/lib', '/lib64', '/srv'].map((path) => ({
    ...({ kind: 'folder', path } as const),
  }));
  return [
    ...folders,
    { kind: 'folder', path: '/tmp', mode: 0o1777 },
    { kind: 'file', path: PROGRAM, source: program },
    { kind: 'file', path: loader, source: loader },
    { kind: 'file', path: MODEL, source: model },
    ...named,
    ...others,
  ];
}

/** Of the server itself, which is not ours; upstream Secrets are others. */
const keySecret = (key: string): object => ({
  ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name: NAME } },
  stringData: { key: `${key}\n` },
});

function endpointPod(): object {
  const flags = {
    ...{ model: MODEL, host: '0.0.0.0', port: String(PORT) },
    ...{ 'api-key-file': `${KEY_FOLDER}/key`, 'ctx-size': '65536', parallel: '2' },
  };
  const args = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]);
  return {
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: NAME, labels: { app: NAME } } },
    spec: {
      automountServiceAccountToken: false,
      securityContext: {
        ...{ runAsNonRoot: true, runAsUser: USER, fsGroup: USER },
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [
        {
          ...{ name: 'server', image: IMAGE, imagePullPolicy: 'Never' },
          args: [...args, '--jinja', '--metrics', '--offline'],
          env: [{ name: 'HOME', value: '/tmp' }],
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          readinessProbe: { httpGet: { path: '/health', port: PORT }, periodSeconds: 1 },
          volumeMounts: [{ name: 'key', mountPath: KEY_FOLDER, readOnly: true }],
        },
      ],
      volumes: [{ name: 'key', secret: { secretName: NAME } }],
    },
  };
}

const service = (): object => ({
  ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: NAME } },
  spec: { selector: { app: NAME }, ports: [{ port: PORT }] },
});

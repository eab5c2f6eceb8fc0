import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { quantityValue } from '../../../src/api/quantity.ts';
import { isRecord, parseJson } from '../../../src/base/brand.ts';
import { AUDIENCES } from '../../../src/protocol/pod-contract.ts';
import type { Cluster } from '../../../test/cluster/cluster.ts';
import { freePorts } from '../../../test/cluster/free-ports.ts';
import { waitUntil } from '../../../test/cluster/wait-until.ts';
import { installCrds } from '../../../test/support/clawgym-layer.ts';
import { Helm, type Rendered } from '../../../test/support/helm.ts';
import { MemoryCgroup } from './memory-cgroup.ts';
import { OwnProcess } from './process.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const READY_SECONDS = 60;
export const OPERATOR = 'clawgym-operator';
export const SERVER = 'clawgym-server';
/** Objects of the chart that are needed where its programs are processes of this host. */
const KINDS = ['ServiceAccount', 'Role', 'RoleBinding', 'Secret', 'Service', 'ConfigMap'];
const zContainers = z.object({
  spec: z.object({
    template: z.object({
      spec: z.object({
        containers: z.array(
          z.looseObject({
            args: z.array(z.string()),
            resources: z.object({ limits: z.object({ memory: z.string() }) }),
          }),
        ),
      }),
    }),
  }),
});
type Container = z.infer<typeof zContainers>['spec']['template']['spec']['containers'][number];
const zKubeconfig = z.object({
  clusters: z.array(z.object({ name: z.string(), cluster: z.unknown() })),
});

export interface ServerAccess {
  /** Of the user listener. */
  readonly url: string;
  readonly sandboxUrl: string;
  readonly ca: string;
  readonly token: string;
}

/**
 * The chart without pods: its accounts, roles, Secrets and settings in a namespace, and its two programs
 * as processes of the bundles in dist/, with the chart's flags (files and addresses are this host's), its
 * memory limits, and the rights of their accounts.
 */
export class Installed implements AsyncDisposable {
  readonly namespace: string;
  readonly #cluster: Cluster;
  readonly #folder: string;
  readonly #rendered: readonly Rendered[];
  readonly #nodeFlags: readonly string[];
  readonly #stack = new AsyncDisposableStack();

  private constructor(
    cluster: Cluster,
    namespace: string,
    folder: string,
    rendered: readonly Rendered[],
    nodeFlags: readonly string[],
  ) {
    this.#cluster = cluster;
    this.namespace = namespace;
    this.#folder = folder;
    this.#rendered = rendered;
    this.#nodeFlags = nodeFlags;
  }

  /** @param nodeFlags Of Node itself, before the bundles. */
  static async open(
    cluster: Cluster,
    namespace: string,
    folder: string,
    nodeFlags: readonly string[] = [],
  ): Promise<Installed> {
    await installCrds(cluster);
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    await applied(cluster, [
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } },
    ]);
    await using helm = await Helm.open();
    const rendered = await helm.template('clawgym', ['--namespace', namespace]);
    const objects = rendered
      .filter(({ kind }) => KINDS.includes(kind))
      .map((object) => ({ ...object, metadata: { namespace, ...object.metadata } }));
    await applied(cluster, objects);
    return new Installed(cluster, namespace, folder, rendered, nodeFlags);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  userOf(account: string): string {
    return `system:serviceaccount:${this.namespace}:${account}`;
  }

  async startServer(): Promise<{ readonly process: OwnProcess; readonly access: ServerAccess }> {
    const [sandbox = 0, user = 0, ops = 0] = await freePorts(3);
    const data = join(this.#folder, 'data');
    await mkdir(data);
    const process = await this.#start(SERVER, ops, {
      'data-dir': data,
      'sandbox-port': String(sandbox),
      'user-port': String(user),
    });
    const secret = async (name: string, key: string): Promise<string> => {
      const path = `jsonpath={.data.${key.replaceAll('.', '\\.')}}`;
      const encoded = await this.#kubectl(['get', 'secret', name, '-o', path]);
      return Buffer.from(encoded, 'base64').toString();
    };
    const access = {
      url: `https://localhost:${user}`,
      sandboxUrl: `https://127.0.0.1:${sandbox}`,
      ca: await secret(`${SERVER}-tls`, 'ca.crt'),
      token: await secret(`${SERVER}-token`, 'token'),
    };
    return { process, access };
  }

  async startOperator({ url, ca }: ServerAccess): Promise<OwnProcess> {
    const [ops = 0] = await freePorts(1);
    const settings = this.#rendered.find(
      ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === OPERATOR,
    );
    const data = z.record(z.string(), z.string()).parse(settings?.['data']);
    const files: Record<string, string> = {};
    const write = async (name: string, text: string): Promise<string> => {
      const path = join(this.#folder, name);
      await writeFile(path, text);
      return path;
    };
    for (const [name, text] of Object.entries(data)) files[name] = await write(name, text);
    const audience = ['--audience', AUDIENCES.operator];
    return await this.#start(OPERATOR, ops, {
      'server-url': url,
      'server-ca-file': await write('ca.crt', ca),
      'server-token-file': await write('server-token', await this.#token(OPERATOR, audience)),
      'pod-settings': files['pods.json'] ?? '',
      'sandbox-defaults': files['sandbox.json'] ?? '',
    });
  }

  /** The bundle with the chart's flags, where another value stands in `here` with that. */
  async #start(
    name: typeof OPERATOR | typeof SERVER,
    opsPort: number,
    here: Readonly<Record<string, string>>,
  ): Promise<OwnProcess> {
    const kubeconfig = join(this.#folder, `${name}.kubeconfig`);
    await writeFile(kubeconfig, JSON.stringify(await this.#kubeconfig(name)));
    const values = { ...here, 'ops-port': String(opsPort) };
    const changed = new Map(Object.entries(values).map(([flag, value]) => [`--${flag}`, value]));
    const flags = this.#chartFlags(name).map((argument) => {
      const [flag = ''] = argument.split('=', 1);
      const value = changed.get(flag);
      changed.delete(flag);
      return value === undefined ? argument : `${flag}=${value}`;
    });
    const added = [...changed].map(([flag, value]) => `${flag}=${value}`);
    const bundle = join(ROOT, 'dist', name.replace('clawgym-', ''), 'main.mjs');
    const memory = this.#stack.use(await MemoryCgroup.open(name, this.#memoryLimit(name)));
    const argv = memory.around([process.execPath, ...this.#nodeFlags, bundle, ...flags, ...added]);
    const logPath = join(this.#folder, `${name}.log`);
    const started = new OwnProcess(name, argv, { logPath, env: { KUBECONFIG: kubeconfig } });
    this.#stack.use(started);
    await waitUntil(
      async () => {
        if (!started.running) throw new Error(started.lastWords);
        return (await globalThis.fetch(`http://127.0.0.1:${opsPort}/readyz`)).ok;
      },
      { what: `${name} is ready`, seconds: READY_SECONDS },
    );
    return started;
  }

  #chartFlags(name: string): readonly string[] {
    return this.#container(name).args;
  }

  /** Bytes. */
  #memoryLimit(name: string): number {
    return quantityValue(this.#container(name).resources.limits.memory);
  }

  #container(name: string): Container {
    const workload = this.#rendered.find(
      ({ kind, metadata }) =>
        (kind === 'Deployment' || kind === 'StatefulSet') && metadata.name === name,
    );
    const [container] = zContainers.parse(workload).spec.template.spec.containers;
    if (container === undefined) throw new Error(`the chart has no container of ${name}`);
    return container;
  }

  async #kubeconfig(account: string): Promise<object> {
    const view = ['config', 'view', '--raw', '--output', 'json'];
    const { clusters } = zKubeconfig.parse(parseJson(await this.#cluster.kubectl(view)));
    const [cluster] = clusters;
    const user = { token: await this.#token(account) };
    return {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': account,
      clusters,
      users: [{ name: account, user }],
      contexts: [{ name: account, context: { cluster: cluster?.name, user: account } }],
    };
  }

  async #token(account: string, more: readonly string[] = []): Promise<string> {
    const asked = await this.#kubectl(['create', 'token', account, '--duration=3h', ...more]);
    return asked.trim();
  }

  async #kubectl(args: readonly string[]): Promise<string> {
    return await this.#cluster.kubectl(['--namespace', this.namespace, ...args]);
  }
}

export async function applied(cluster: Cluster, objects: readonly object[]): Promise<void> {
  const list = { apiVersion: 'v1', kind: 'List', items: objects };
  await cluster.kubectl(['apply', '--server-side', '--filename', '-'], JSON.stringify(list));
}

/** A field of an object of which nothing is known. */
export function fieldOf(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, field) => (isRecord(inner) ? inner[field] : undefined),
    value,
  );
}

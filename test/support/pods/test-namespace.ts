import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { ClawError } from '../../../src/base/error.ts';
import type { NodeLayer } from '../../cluster/node/node-layer.ts';
import { waitUntil } from '../../cluster/wait-until.ts';
import { type Pod, zPod } from './pod-status.ts';

const SECONDS = 60;
const zPods = z.object({ items: z.array(zPod) });

/** A namespace of one test; everything in it goes when the test is over. */
export class TestNamespace implements AsyncDisposable {
  readonly name: string;
  readonly layer: NodeLayer;

  private constructor(layer: NodeLayer, name: string) {
    this.layer = layer;
    this.name = name;
  }

  /** With `restricted` enforced where that is asked for. */
  static async create(layer: NodeLayer, security?: 'restricted'): Promise<TestNamespace> {
    const name = `t-${randomUUID().slice(0, 8)}`;
    const labels = security === undefined ? {} : { 'pod-security.kubernetes.io/enforce': security };
    await layer.api.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
    const account = `/api/v1/namespaces/${name}/serviceaccounts/default`;
    await waitUntil(async () => (await layer.api.get(account)) !== undefined, {
      what: `the controller manager has made the service account of ${name}`,
      seconds: SECONDS,
    });
    return new TestNamespace(layer, name);
  }

  /** POST of a pod. */
  async pod(name: string, spec: object, labels: Readonly<Record<string, string>> = {}) {
    const metadata = { name, namespace: this.name, labels };
    await this.layer.api.create({ apiVersion: 'v1', kind: 'Pod', metadata, spec });
  }

  /** POST of an object in this namespace. */
  async create(apiVersion: string, kind: string, name: string, body: object): Promise<void> {
    const metadata = { name, namespace: this.name };
    await this.layer.api.create({ apiVersion, kind, metadata, ...body });
  }

  path(resource: string, group = '/api/v1'): string {
    return `${group}/namespaces/${this.name}/${resource}`;
  }

  async readPod(name: string): Promise<Pod> {
    return zPod.parse(await this.layer.api.get(this.path(`pods/${name}`)));
  }

  /** In the order of their names; `selector` picks by labels. */
  async pods(selector = ''): Promise<readonly Pod[]> {
    const query = `pods?labelSelector=${encodeURIComponent(selector)}`;
    return zPods.parse(await this.layer.api.get(this.path(query))).items;
  }

  /** Waits until the pod is as wanted and returns it; the failure shows its last state. */
  async waitFor(name: string, wanted: (pod: Pod) => boolean, seconds = SECONDS): Promise<Pod> {
    let last: Pod | undefined;
    const found = async (): Promise<boolean> => {
      last = await this.readPod(name);
      return wanted(last);
    };
    try {
      await waitUntil(found, { what: `pod ${name} is as wanted`, seconds });
    } catch (cause) {
      const state = JSON.stringify(last?.status, null, 1);
      throw new ClawError('Timeout', `pod ${name} was not as wanted: ${state}`, { cause });
    }
    if (last === undefined) throw new ClawError('Internal', 'waited for no pod');
    return last;
  }

  async logs(pod: string, container = 'main'): Promise<string> {
    return await this.layer.api.text(this.path(`pods/${pod}/log?container=${container}`));
  }

  /** Standard output of a shell line in a running container. */
  async exec(pod: string, line: string): Promise<string> {
    const where = ['--namespace', this.name, 'exec', pod];
    return await this.layer.cluster.kubectl([...where, '--', 'sh', '-c', line]);
  }

  /** Returns when the deletion has been asked for. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.layer.api.remove(`/api/v1/namespaces/${this.name}`);
  }
}

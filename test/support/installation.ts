import { join } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../src/base/brand.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { LOCAL_REGISTRY, LOCAL_TAG } from '../cluster/images/image-names.ts';
import { waitUntil } from '../cluster/wait-until.ts';
import { CHARTS, Helm } from './helm.ts';

export const RELEASE = 'clawgym';
/** User without a right of its own but `admin` in the namespace of the installation. */
export const RESEARCHER = 'researcher';
const READY_SECONDS = 240;

const zObject = z.looseObject({
  status: z
    .looseObject({
      conditions: z
        .array(
          z.looseObject({
            ...{ type: z.string(), status: z.string(), reason: z.string() },
            message: z.string().optional(),
          }),
        )
        .optional(),
    })
    .optional(),
});

/**
 * The charts in a cluster that has the images: the cluster admin's one step, then everything as a user
 * who is `admin` in one namespace. Ends with the namespace.
 */
export class Installation implements AsyncDisposable {
  readonly namespace: string;
  readonly cluster: Cluster;
  readonly helm: Helm;

  private constructor(cluster: Cluster, namespace: string, helm: Helm) {
    this.cluster = cluster;
    this.namespace = namespace;
    this.helm = helm;
  }

  /** @param values of the chart, as `--set` takes them */
  static async open(
    cluster: Cluster,
    namespace: string,
    values: readonly string[] = [],
  ): Promise<Installation> {
    const installation = new Installation(cluster, namespace, await Helm.open());
    await installation.#adminStep();
    await installation.#asResearcher('install', values);
    await installation.ready();
    return installation;
  }

  /** kubectl in the namespace, as the researcher. */
  async kubectl(args: readonly string[], input = ''): Promise<string> {
    const as = ['--as', RESEARCHER, '--namespace', this.namespace];
    return await this.cluster.kubectl([...as, ...args], input);
  }

  async upgrade(values: readonly string[] = []): Promise<void> {
    await this.#asResearcher('upgrade', values);
  }

  async rollback(): Promise<void> {
    await this.helm.run(['rollback', RELEASE, ...this.#helmFlags()]);
  }

  /** Server and operator answer their probes. */
  async ready(): Promise<void> {
    const wait = ['rollout', 'status', '--timeout', `${READY_SECONDS}s`];
    await this.kubectl([...wait, `statefulset/${RELEASE}-server`]);
    await this.kubectl([...wait, `deployment/${RELEASE}-operator`]);
  }

  async get(kind: string, name: string): Promise<unknown> {
    return parseJson(await this.kubectl(['get', kind, name, '--output', 'json']));
  }

  /** Resolves with the object once `Complete` or `Failed` is true of it. */
  async finished(kind: string, name: string, seconds: number): Promise<unknown> {
    let last: unknown;
    const what = `${kind} ${name} is Complete or Failed`;
    await waitUntil(
      async () => {
        last = await this.get(kind, name);
        const conditions = zObject.parse(last).status?.conditions ?? [];
        return conditions.some(
          ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
        );
      },
      { what, seconds },
    );
    return last;
  }

  /** The same where it must end well. Throws with the words of the object where it has failed. */
  async completed(kind: string, name: string, seconds: number): Promise<unknown> {
    const ended = await this.finished(kind, name, seconds);
    const conditions = zObject.parse(ended).status?.conditions ?? [];
    const failed = conditions.find(({ type, status }) => type === 'Failed' && status === 'True');
    if (failed === undefined) return ended;
    throw new Error(`${kind} ${name} has failed: ${failed.reason}: ${failed.message ?? ''}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.helm.run(['uninstall', RELEASE, ...this.#helmFlags()]).catch(() => undefined);
    await this.cluster.kubectl(['delete', 'namespace', this.namespace, '--wait=false']);
    await this.helm[Symbol.asyncDispose]();
  }

  /** What only a cluster admin may do, once. */
  async #adminStep(): Promise<void> {
    const { cluster, namespace } = this;
    const kubeconfig = ['--kubeconfig', cluster.kubeconfigPath];
    const crds = ['upgrade', '--install', 'clawgym-crds', join(CHARTS, 'clawgym-crds')];
    await this.helm.run([...crds, '--namespace', 'default', ...kubeconfig]);
    // Roles are aggregated by a controller, a moment later; until then an admin may not hand them on.
    await waitUntil(
      async () =>
        (await cluster.kubectl(['get', 'clusterrole', 'admin', '-o', 'json'])).includes(
          'clawgym.io',
        ),
      { what: 'the ClusterRole admin covers clawgym.io', seconds: 60 },
    );
    await cluster.kubectl(['create', 'namespace', namespace]);
    const restricted = 'pod-security.kubernetes.io/enforce=restricted';
    await cluster.kubectl(['label', 'namespace', namespace, restricted]);
    const binding = ['create', 'rolebinding', RESEARCHER, '--clusterrole=admin'];
    await cluster.kubectl([...binding, `--user=${RESEARCHER}`, '--namespace', namespace]);
  }

  async #asResearcher(verb: 'install' | 'upgrade', values: readonly string[] = []): Promise<void> {
    const images = [`image.registry=${LOCAL_REGISTRY}`, `image.tag=${LOCAL_TAG}`];
    const sized = [...images, 'image.pullPolicy=Never', 'server.storage.size=1Gi', ...values];
    await this.helm.run([
      ...[verb, RELEASE, join(CHARTS, 'clawgym'), ...this.#helmFlags()],
      ...sized.flatMap((value) => ['--set', value]),
    ]);
  }

  #helmFlags(): readonly string[] {
    const kubeconfig = ['--kubeconfig', this.cluster.kubeconfigPath];
    return ['--namespace', this.namespace, '--kube-as-user', RESEARCHER, ...kubeconfig];
  }
}

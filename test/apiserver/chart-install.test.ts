import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { waitUntil } from '../cluster/wait-until.ts';
import { CHARTS, HELM_BUILD_MS, Helm, type Rendered } from '../support/helm.ts';
import { layerCluster } from '../support/layer-cluster.ts';
import { rightsBeyond } from '../support/policy-rules.ts';

const cluster = layerCluster();
const suffix = randomUUID().slice(0, 8);
const namespace = `chart-${suffix}`;
/** A person who is bound to `admin` in the namespace, and to nothing else. */
const user = `admin-of-${namespace}`;
const CRDS = ['--namespace', `chart-crds-${suffix}`];
let helm: Helm;

const helmHere = (args: readonly string[]): Promise<string> =>
  helm.run([...args, '--kubeconfig', cluster.kubeconfigPath]);
const asUser = (args: readonly string[]): Promise<string> =>
  helmHere([...args, '--namespace', namespace, '--kube-as-user', user]);
const within = (args: readonly string[], input?: object): Promise<string> =>
  cluster.kubectl(['--namespace', namespace, ...args], input && JSON.stringify(input));

async function json(args: readonly string[], input?: object): Promise<unknown> {
  return JSON.parse(await within([...args, '--output', 'json'], input));
}

/** The one step of a cluster admin: the kinds with their roles, and the label of the namespace. */
async function adminStep(): Promise<void> {
  const chart = join(CHARTS, 'clawgym-crds');
  const options = ['--create-namespace', '--take-ownership', '--force-conflicts', ...CRDS];
  await helmHere(['upgrade', '--install', `crds-${suffix}`, chart, ...options]);
  await cluster.kubectl(['create', 'namespace', namespace]);
  await cluster.kubectl([
    ...['label', 'namespace', namespace, 'pod-security.kubernetes.io/enforce=restricted'],
  ]);
  await within(['create', 'rolebinding', 'admin', '--clusterrole=admin', `--user=${user}`]);
  const covered = async (): Promise<boolean> =>
    JSON.stringify(await json(['get', 'clusterrole', 'admin'])).includes('clawgym.io');
  await waitUntil(covered, { what: 'the role admin covers our kinds', seconds: 30 });
  const ready = async (): Promise<boolean> =>
    (await within(['get', 'serviceaccount', 'default', '--ignore-not-found'])) !== '';
  await waitUntil(ready, { what: 'the namespace has its service account', seconds: 30 });
}

beforeAll(async () => {
  helm = await Helm.open();
  await adminStep();
}, HELM_BUILD_MS);

afterAll(async () => {
  await cluster.kubectl(['delete', 'namespace', namespace, '--wait=false', '--ignore-not-found']);
  await helmHere(['uninstall', `crds-${suffix}`, '--ignore-not-found', ...CRDS]);
  await cluster.kubectl(['delete', 'namespace', CRDS[1] ?? '', '--wait=false']);
  await helm?.[Symbol.asyncDispose]();
});

/** Whether somebody may do something here, as the API server itself decides it. */
async function may(account: string, verb: string, resource: string, name?: string) {
  const [plural = '', ...groups] = resource.split('.');
  const group = groups.join('.');
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: {
      user: `system:serviceaccount:${namespace}:${account}`,
      resourceAttributes: { namespace, verb, resource: plural, group, ...(name && { name }) },
    },
  };
  const zReview = z.object({ status: z.object({ allowed: z.boolean() }) });
  return zReview.parse(await json(['create', '--filename', '-'], review)).status.allowed;
}

const zPodSpec = z.looseObject({ volumes: z.array(z.looseObject({ name: z.string() })) });
const zWorkload = z.object({
  spec: z.object({
    template: z.object({ spec: zPodSpec }),
    volumeClaimTemplates: z
      .array(z.object({ metadata: z.object({ name: z.string() }) }))
      .default([]),
  }),
});

/** The pods of a rendered chart, those that controllers would make included. */
function podsOf(objects: readonly Rendered[]): readonly object[] {
  return objects
    .filter(({ kind }) => ['Pod', 'Deployment', 'StatefulSet'].includes(kind))
    .map((object) => {
      const spec = object.kind === 'Pod' ? zPodSpec.parse(object['spec']) : specOf(object);
      const { name } = object.metadata;
      return {
        ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name } },
        spec: { ...spec, serviceAccountName: 'default' },
      };
    });
}

function specOf(object: Rendered): z.infer<typeof zPodSpec> {
  const { template, volumeClaimTemplates } = zWorkload.parse(object).spec;
  const claimed = volumeClaimTemplates.map(({ metadata: { name } }) => ({ name, emptyDir: {} }));
  return { ...template.spec, volumes: [...template.spec.volumes, ...claimed] };
}

describe('an installation for namespaces', () => {
  test('asks for no right that an admin of the namespace lacks', async () => {
    const admin = await json(['get', 'clusterrole', 'admin']);
    const objects = await helm.template('clawgym', ['--namespace', namespace]);
    const roles = objects.filter(({ kind }) => kind === 'Role');
    expect(roles).toHaveLength(4);
    expect(roles.flatMap((role) => rightsBeyond(role, admin))).toEqual([]);
  });

  test('would ask for more without the roles of the kinds', async () => {
    const admin = await json(['get', 'clusterrole', 'system:aggregate-to-edit']);
    const objects = await helm.template('clawgym', ['--namespace', namespace]);
    const beyond = objects
      .filter(({ kind }) => kind === 'Role')
      .flatMap((role) => rightsBeyond(role, admin));
    expect(beyond).toContain('update clawgym.io/benchruns/status');
  });

  test('has pods that the profile restricted admits', async () => {
    const pods = podsOf(await helm.template('clawgym', ['--namespace', namespace]));
    expect(pods).toHaveLength(3);
    for (const pod of pods) await within(['create', '--dry-run=server', '--filename', '-'], pod);
  });

  test('is made, changed, turned back and removed by an admin of the namespace', async () => {
    const chart = join(CHARTS, 'clawgym');
    const notes = await asUser(['install', 'clawgym', chart]);
    expect(notes).toContain('image.registry is empty');
    expect(notes).not.toContain('The kinds are not in this cluster');
    const filled = { stringData: { 'ca.crt': 'of the server' } };
    await within(['patch', 'secret', 'clawgym-server-tls', '--patch', JSON.stringify(filled)]);

    await asUser(['upgrade', 'clawgym', chart, '--set', 'operator.replicas=2']);
    const replicas = ['get', 'deployment', 'clawgym-operator', '-o', 'jsonpath={.spec.replicas}'];
    expect(await within(replicas)).toBe('2');
    await within(['get', 'poddisruptionbudget', 'clawgym-operator']);
    await asUser(['rollback', 'clawgym', '1']);
    expect(await within(replicas)).toBe('1');
    const kept = ['get', 'secret', 'clawgym-server-tls', '-o', 'jsonpath={.data.ca\\.crt}'];
    expect(Buffer.from(await within(kept), 'base64').toString()).toBe('of the server');

    await largerStore(chart);
    await rights();
    await asUser(['uninstall', 'clawgym']);
    const kinds =
      'statefulset,deployment,service,secret,configmap,role,networkpolicy,serviceaccount';
    expect(await within(['get', kinds, '-o', 'name', '-l', 'app.kubernetes.io/name=clawgym'])).toBe(
      '',
    );
    // Records outlive the release.
    expect(await within(['get', 'persistentvolumeclaim', '-o', 'name'])).toContain(
      'data-clawgym-server-0',
    );
  });

  /** As the guide says it; the volume itself needs storage that can grow. */
  async function largerStore(chart: string): Promise<void> {
    const made = ['get', 'statefulset', 'clawgym-server', '-o', 'jsonpath={.metadata.uid}'];
    const pod = ['get', 'pod', 'clawgym-server-0', '-o'];
    const server = async () => ({
      uid: await within([...pod, 'jsonpath={.metadata.uid}']),
      owner: await within([...pod, 'jsonpath={.metadata.ownerReferences[*].uid}']),
    });
    const [before, set] = [await server(), await within(made)];
    expect(before.owner).toBe(set);
    const larger = ['upgrade', 'clawgym', chart, '--reuse-values'];
    larger.push('--set', 'server.storage.size=21Gi');
    await expect(asUser(larger)).rejects.toThrow(/statefulset spec .* forbidden/);
    await within(['delete', 'statefulset', 'clawgym-server', '--cascade=orphan', '--as', user]);
    await asUser(larger);
    const size = 'jsonpath={.spec.volumeClaimTemplates[0].spec.resources.requests.storage}';
    expect(await within(['get', 'statefulset', 'clawgym-server', '-o', size])).toBe('21Gi');
    const again = await within(made);
    const taken = async (): Promise<boolean> => (await server()).owner === again;
    await waitUntil(taken, { what: 'the pod has the new StatefulSet as its owner', seconds: 30 });
    expect(await server()).toEqual({ uid: before.uid, owner: again });
  }

  async function rights(): Promise<void> {
    const server = (verb: string, resource: string, name?: string) =>
      may('clawgym-server', verb, resource, name);
    const operator = (verb: string, resource: string, name?: string) =>
      may('clawgym-operator', verb, resource, name);
    expect(await server('get', 'pods')).toBe(true);
    expect(await server('get', 'secrets', 'some-upstream')).toBe(true);
    expect(await server('update', 'secrets', 'clawgym-server-tls')).toBe(true);
    expect(await server('update', 'secrets', 'some-upstream')).toBe(false);
    expect(await server('create', 'secrets')).toBe(false);
    expect(await server('list', 'secrets')).toBe(false);
    expect(await server('create', 'jobs.batch')).toBe(false);
    expect(await operator('get', 'secrets', 'clawgym-server-tls')).toBe(false);
    expect(await operator('create', 'jobs.batch')).toBe(true);
    expect(await operator('get', 'persistentvolumeclaims', 'tasks')).toBe(true);
    expect(await operator('create', 'persistentvolumeclaims')).toBe(false);
    expect(await operator('list', 'services')).toBe(true);
    // Headless ones, by which trainers of several nodes find each other.
    expect(await operator('create', 'services')).toBe(true);
    expect(await operator('delete', 'services')).toBe(false);
    expect(await operator('update', 'leases.coordination.k8s.io', 'clawgym-operator')).toBe(true);
    expect(await operator('update', 'leases.coordination.k8s.io', 'another')).toBe(false);
  }

  test('is refused to somebody who is bound to edit', async () => {
    const editor = `editor-of-${namespace}`;
    await within(['create', 'rolebinding', 'edit', '--clusterrole=edit', `--user=${editor}`]);
    const args = ['--namespace', namespace, '--kube-as-user', editor];
    await expect(
      helmHere(['install', 'refused', join(CHARTS, 'clawgym'), ...args]),
    ).rejects.toThrow(/cannot (create|get|patch) resource "roles"/);
  });
});

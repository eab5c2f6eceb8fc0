import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { waitUntil } from '../cluster/wait-until.ts';
import { layerCluster } from '../support/layer-cluster.ts';

const cluster = layerCluster();
const namespace = `layer-${randomUUID().slice(0, 8)}`;
const group = `${namespace}.example.com`;
const within = (args: readonly string[], input?: object): Promise<string> =>
  cluster.kubectl(['--namespace', namespace, ...args], input && JSON.stringify(input));

beforeAll(async () => {
  await cluster.kubectl(['create', 'namespace', namespace]);
});

afterAll(async () => {
  await cluster.kubectl(['delete', 'namespace', namespace, '--wait=false']);
  await cluster.kubectl(['delete', 'crd', `gauges.${group}`, '--ignore-not-found']);
});

/** A kind whose rule holds between an object and its update. */
const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `gauges.${group}` },
  spec: {
    group,
    scope: 'Namespaced',
    names: { kind: 'Gauge', plural: 'gauges', singular: 'gauge' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: { level: { type: 'integer' } },
                'x-kubernetes-validations': [
                  { rule: 'self.level >= oldSelf.level', message: 'a gauge never falls' },
                ],
              },
            },
          },
        },
        additionalPrinterColumns: [{ name: 'Level', type: 'integer', jsonPath: '.spec.level' }],
      },
    ],
  },
};

const gauge = (level: number): object => ({
  apiVersion: `${group}/v1`,
  kind: 'Gauge',
  metadata: { name: 'pressure' },
  spec: { level },
});

function job(name: string): object {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name },
    spec: {
      completions: 3,
      parallelism: 3,
      completionMode: 'Indexed',
      template: {
        spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'example/none' }] },
      },
    },
  };
}

const podNames = async (selector: string): Promise<readonly string[]> => {
  const out = await within(['get', 'pods', '--selector', selector, '-o', 'name']);
  return out.split('\n').filter(Boolean);
};

describe('the apiserver layer', () => {
  test('reports the pinned release', async () => {
    const zVersion = z.object({ serverVersion: z.object({ gitVersion: z.string() }) });
    const version = zVersion.parse(JSON.parse(await cluster.kubectl(['version', '-o', 'json'])));
    expect(version.serverVersion.gitVersion).toMatch(/^v1\.\d+\.\d+/);
  });

  test('refuses an update against a rule, with the message of the rule', async () => {
    await cluster.kubectl(['apply', '--filename', '-'], JSON.stringify(definition));
    await cluster.kubectl(['wait', '--for=condition=Established', `crd/gauges.${group}`]);
    const known = async (): Promise<boolean> =>
      (await cluster.kubectl(['api-resources', '--api-group', group])).includes('gauges');
    await waitUntil(known, { what: 'the server tells of the kind', seconds: 30 });
    await within(['apply', '--filename', '-'], gauge(3));
    await within(['apply', '--filename', '-'], gauge(4));
    await expect(within(['apply', '--filename', '-'], gauge(2))).rejects.toThrow(
      'a gauge never falls',
    );
    expect(await within(['get', 'gauges'])).toMatch(/LEVEL\s+pressure\s+4/);
  });

  test('makes the pods of a Job, and takes them away with it', async () => {
    await within(['create', '--filename', '-'], job('three'));
    const made = async (): Promise<boolean> => (await podNames('job-name=three')).length === 3;
    await waitUntil(made, { what: 'the Job has three pods', seconds: 60 });
    await within(['delete', 'job', 'three', '--cascade=background']);
    const gone = async (): Promise<boolean> => (await podNames('job-name=three')).length === 0;
    await waitUntil(gone, { what: 'the pods are gone with their Job', seconds: 60 });
  });

  test('keeps its objects over a restart of the API server', async () => {
    await within(['create', 'configmap', 'kept', '--from-literal=a=1']);
    const before = await cluster.programs();
    await cluster.restartApiServer();
    const after = await cluster.programs();
    const pid = (list: typeof before): number | undefined =>
      list.find(({ name }) => name === 'kube-apiserver')?.pid;
    expect(pid(after)).not.toBe(pid(before));
    expect(await within(['get', 'configmap', 'kept', '-o', 'jsonpath={.data.a}'])).toBe('1');
    await within(['create', 'configmap', 'later']);
  });

  test('says which programs it has where another one is asked for', async () => {
    await expect(cluster.stopProgram('kubelet')).rejects.toThrow(
      'no program kubelet in this cluster; there are: etcd, kube-apiserver, kube-controller-manager, kube-scheduler',
    );
  });
});

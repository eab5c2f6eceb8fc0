import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SIMULATED_EXIT_CODE, SIMULATED_RUN_TIME } from '../cluster/kwok-stages.ts';
import { layerCluster } from '../support/layer-cluster.ts';

const cluster = layerCluster();
const namespace = `scale-${randomUUID().slice(0, 8)}`;
const within = (args: readonly string[], input?: object): Promise<string> =>
  cluster.kubectl(['--namespace', namespace, ...args], input && JSON.stringify(input));
const PODS = 1000;

const container = { name: 'main', image: 'example/none' };

beforeAll(async () => {
  await cluster.kubectl(['create', 'namespace', namespace]);
});

afterAll(async () => {
  await cluster.kubectl(['delete', 'namespace', namespace, '--wait=false']);
});

describe('the scale layer', () => {
  test(`runs ${PODS} pods on simulated nodes`, async () => {
    await within(['apply', '--filename', '-'], {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'many' },
      spec: {
        replicas: PODS,
        selector: { matchLabels: { app: 'many' } },
        template: { metadata: { labels: { app: 'many' } }, spec: { containers: [container] } },
      },
    });
    await within(['rollout', 'status', 'deployment/many', '--timeout=200s']);
    const names = await within(['get', 'pods', '-o', 'jsonpath={.items[*].spec.nodeName}']);
    expect(new Set(names.split(' ')).size).toBe(Number(cluster.facts['nodes']));
  }, 240_000);

  test('plays the pods of an indexed Job through to success', async () => {
    await within(['create', '--filename', '-'], {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'indexed' },
      spec: {
        completions: 50,
        parallelism: 50,
        completionMode: 'Indexed',
        backoffLimitPerIndex: 0,
        template: { spec: { restartPolicy: 'Never', containers: [container] } },
      },
    });
    await within(['wait', '--for=condition=Complete', 'job/indexed', '--timeout=100s']);
    const indexes = ['get', 'job', 'indexed', '-o', 'jsonpath={.status.completedIndexes}'];
    expect(await within(indexes)).toBe('0-49');
  });

  test('ends a pod with the exit code of its annotation', async () => {
    const annotations = { [SIMULATED_EXIT_CODE]: '42' };
    await within(['create', '--filename', '-'], {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'refused' },
      spec: {
        completions: 2,
        parallelism: 2,
        completionMode: 'Indexed',
        backoffLimitPerIndex: 5,
        podFailurePolicy: {
          rules: [{ action: 'FailIndex', onExitCodes: { operator: 'In', values: [42] } }],
        },
        template: {
          metadata: { annotations },
          spec: { restartPolicy: 'Never', containers: [container] },
        },
      },
    });
    await within(['wait', '--for=condition=Failed', 'job/refused', '--timeout=100s']);
    const indexes = ['get', 'job', 'refused', '-o', 'jsonpath={.status.failedIndexes}'];
    expect(await within(indexes)).toBe('0,1');
  });

  test('lets a pod run as long as its annotation says', async () => {
    const seconds = 4;
    await within(['create', '--filename', '-'], {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'long' },
      spec: {
        template: {
          metadata: { annotations: { [SIMULATED_RUN_TIME]: `${seconds}s` } },
          spec: { restartPolicy: 'Never', containers: [container] },
        },
      },
    });
    await within(['wait', '--for=condition=Complete', 'job/long', '--timeout=100s']);
    const path = '{.items[0].status.containerStatuses[0].state.terminated}';
    const out = await within(['get', 'pods', '-l', 'job-name=long', '-o', `jsonpath=${path}`]);
    const { startedAt, finishedAt } = JSON.parse(out) as { startedAt: string; finishedAt: string };
    expect(Date.parse(finishedAt) - Date.parse(startedAt)).toBeGreaterThanOrEqual(
      seconds * 1000 - 1000,
    );
  });
});

import { afterAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { waitUntil } from '../cluster/wait-until.ts';
import { nodeLayer } from '../support/pods/node-layer-bed.ts';
import {
  EAT_MEMORY,
  onNode,
  podSpec,
  shell,
  writeMebibytes,
} from '../support/pods/pod-manifest.ts';
import { conditionOf, endOf, hasEnded, isRunning, type Pod } from '../support/pods/pod-status.ts';
import { TestNamespace } from '../support/pods/test-namespace.ts';

/** What ends pods from outside, and what it leaves to read: rollouts are classified by exactly this. */
const layer = nodeLayer();
const node = layer.node('node-2');
const WAIT = 'trap "exit 0" TERM; sleep 3600 & wait';
const EIGHT_MEBIBYTES = { resources: { limits: { 'ephemeral-storage': '8Mi' } } };
/** Phase and reason of an evicted pod with exit code 0: which of the two is a race in the kubelet. */
const EITHER = [
  ['Succeeded', undefined],
  ['Failed', 'Evicted'],
];
const EVICTION_SECONDS = 90;
const LOST_SECONDS = 60;
afterAll(() => layer[Symbol.asyncDispose]());

describe.concurrent('a pod that takes too much', () => {
  test('memory: OOMKilled, and no disruption', async () => {
    await using space = await TestNamespace.create(layer);
    const limits = { resources: { limits: { memory: '16Mi' } } };
    await space.pod('hog', podSpec([shell(`exec ${EAT_MEMORY}`, limits)]));
    const pod = await space.waitFor('hog', hasEnded);
    expect([endOf(pod, 'main'), pod.status.reason]).toEqual(['137 OOMKilled', undefined]);
    expect(conditionOf(pod, 'DisruptionTarget')).toBeUndefined();
  });

  test.each([
    {
      what: 'its own layer',
      spec: podSpec([shell(`${writeMebibytes(32, '/tmp/big')}; sleep 3600`, EIGHT_MEBIBYTES)]),
      message: /exceeded its local ephemeral storage limit|ephemeral local storage usage exceeds/,
    },
    {
      what: 'an emptyDir',
      spec: podSpec(
        [
          shell(`${writeMebibytes(32, '/data/big')}; sleep 3600`, {
            volumeMounts: [{ name: 'data', mountPath: '/data' }],
          }),
        ],
        { volumes: [{ name: 'data', emptyDir: { sizeLimit: '8Mi' } }] },
      ),
      message: /Usage of EmptyDir volume "data" exceeds the limit "8Mi"/,
    },
  ])('disk in $what: Evicted, and no DisruptionTarget', async ({ spec, message }) => {
    await using space = await TestNamespace.create(layer);
    await space.pod('writer', spec);
    const pod = await space.waitFor('writer', hasEnded, EVICTION_SECONDS);
    expect([pod.status.phase, pod.status.reason]).toEqual(['Failed', 'Evicted']);
    expect(pod.status.message).toMatch(message);
    expect(conditionOf(pod, 'DisruptionTarget')).toBeUndefined();
  });

  test('an evicted program that ends well on SIGTERM may leave a pod that succeeded; an Event tells', async () => {
    await using space = await TestNamespace.create(layer);
    const polite = `${writeMebibytes(32, '/tmp/big')}; ${WAIT}`;
    await space.pod('polite', podSpec([shell(polite, EIGHT_MEBIBYTES)]));
    const pod = await space.waitFor('polite', hasEnded, EVICTION_SECONDS);
    expect(EITHER).toContainEqual([pod.status.phase, pod.status.reason]);
    expect(conditionOf(pod, 'DisruptionTarget')).toBeUndefined();
    const { items } = zEvents.parse(await layer.api.get(space.path('events')));
    expect(items.find(({ reason }) => reason === 'Evicted')?.message).toMatch(
      /ephemeral local storage usage exceeds/,
    );
  });
});

const zEvents = z.object({ items: z.array(z.object({ reason: z.string(), message: z.string() })) });

describe('a node that goes away', () => {
  test('drain: DisruptionTarget by the Eviction API', async () => {
    await using space = await TestNamespace.create(layer);
    await space.pod('moved', podSpec([shell(WAIT)], onNode(node.name)), { drain: space.name });
    await space.waitFor('moved', isRunning);
    const path = space.path('pods/moved');
    // Without it the pod would be gone before anyone could read why.
    await layer.api.mergePatch(path, { metadata: { finalizers: ['test.clawgym.io/keep'] } });
    const select = `--pod-selector=drain=${space.name}`;
    const drained = layer.cluster.kubectl(['drain', node.name, '--force', '--timeout=60s', select]);
    try {
      const pod = await space.waitFor('moved', (found) => hasEnded(found) && isTarget(found));
      expect(conditionOf(pod, 'DisruptionTarget')).toMatchObject({
        status: 'True',
        reason: 'EvictionByEvictionAPI',
      });
    } finally {
      await layer.api.mergePatch(path, { metadata: { finalizers: [] } });
      await drained;
      await layer.cluster.kubectl(['uncordon', node.name]);
    }
  });

  test('kubelet gone: NotReady, then DisruptionTarget by the taint manager', async () => {
    await using space = await TestNamespace.create(layer);
    const soon = ['not-ready', 'unreachable'].map((taint) => ({
      key: `node.kubernetes.io/${taint}`,
      operator: 'Exists',
      effect: 'NoExecute',
      tolerationSeconds: 1,
    }));
    await space.pod('lost', podSpec([shell(WAIT)], { ...onNode(node.name), tolerations: soon }));
    await space.waitFor('lost', isRunning);
    await node.stopKubelet();
    try {
      await waitUntil(
        async () => !(await layer.api.hasCondition(`/api/v1/nodes/${node.name}`, 'Ready')),
        { what: `${node.name} is not Ready any more`, seconds: LOST_SECONDS },
      );
      const deleted = (found: Pod) => found.metadata.deletionTimestamp !== undefined;
      const pod = await space.waitFor('lost', deleted, LOST_SECONDS);
      expect(conditionOf(pod, 'DisruptionTarget')).toMatchObject({
        status: 'True',
        reason: 'DeletionByTaintManager',
      });
      // Nobody is there to end it: it goes on Running and being deleted until the node comes back.
      expect(pod.status.phase).toBe('Running');
    } finally {
      await node.startKubelet();
    }
    await waitUntil(async () => (await space.pods()).length === 0, {
      what: 'the kubelet that came back has ended the pod',
      seconds: LOST_SECONDS,
    });
  });

  test('short of memory: Evicted with DisruptionTarget, unlike a pod that takes too much', async () => {
    await using space = await TestNamespace.create(layer);
    // Without a request the restarted kubelet would not admit them again, which is no disruption.
    const request = { resources: { requests: { memory: '1Mi' } } };
    const killed = podSpec([shell('sleep 3600', request)], onNode(node.name));
    const polite = podSpec([shell(WAIT, request)], onNode(node.name));
    await Promise.all([space.pod('killed', killed), space.pod('polite', polite)]);
    await Promise.all(['killed', 'polite'].map((name) => space.waitFor(name, isRunning)));
    await using _ = await node.configureKubelet({ evictionHard: { 'memory.available': '99%' } });
    const pod = await space.waitFor('killed', hasEnded, EVICTION_SECONDS);
    expect([pod.status.phase, pod.status.reason]).toEqual(['Failed', 'Evicted']);
    expect(pod.status.message).toMatch(/low on resource: memory/);
    const byKubelet = { status: 'True', reason: 'TerminationByKubelet' };
    expect(conditionOf(pod, 'DisruptionTarget')).toMatchObject(byKubelet);
    // An exit code of 0 can hide the reason here too, but the condition stands.
    const hidden = await space.waitFor('polite', hasEnded, EVICTION_SECONDS);
    expect(EITHER).toContainEqual([hidden.status.phase, hidden.status.reason]);
    expect(conditionOf(hidden, 'DisruptionTarget')).toMatchObject(byKubelet);
  });
});

function isTarget(pod: Pod): boolean {
  return conditionOf(pod, 'DisruptionTarget')?.status === 'True';
}

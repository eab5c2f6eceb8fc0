import { beforeAll, describe, test } from 'vitest';
import { jobs } from '../../operator/controllers/shared/kube-kinds.ts';
import { deletePodsOf } from '../../operator/controllers/shared/pod-deletions.ts';
import { sandboxPods } from '../../operator/controllers/shared/pods.ts';
import { zKubeObject } from '../../operator/kube/objects/kube-object.ts';
import { defineResource } from '../../operator/kube/objects/resource.ts';
import { ClawError, errorMessage } from '../../src/base/error.ts';
import { BatchBed, type BedOptions } from '../support/batch/batch-bed.ts';
import { installCrds } from '../support/clawgym-layer.ts';
import { namespaces, serviceAccounts } from '../support/layer-client.ts';
import { layerCluster } from '../support/layer-cluster.ts';

const cluster = layerCluster();
const open = async (options: BedOptions = {}): Promise<BatchBed> =>
  BatchBed.open(cluster.kubeconfigPath, options);
const LIMIT = { timeout: 60_000, interval: 50 };
const quotas = defineResource({
  ...{ group: '', version: 'v1', namespaced: true, schema: zKubeObject },
  ...{ kind: 'ResourceQuota', plural: 'resourcequotas' },
});

beforeAll(async () => installCrds(cluster), 120_000);

const message = async (bed: BatchBed, type: string) =>
  (await bed.get('demo'))?.status?.conditions?.find((each) => each.type === type)?.message ?? '';

describe.concurrent('what somebody has to put right is named in the words of the cluster', () => {
  test('a namespace that does not enforce restricted, until it does', async ({ expect }) => {
    await using bed = await open({ level: 'baseline' });
    await using _life = bed.start();
    await bed.create('demo');
    await expect
      .poll(() => bed.condition('demo', 'Planned'), LIMIT)
      .toBe('False NamespaceNotRestricted');
    expect(await message(bed, 'Planned')).toContain(
      'pod-security.kubernetes.io/enforce=restricted',
    );
    expect(await bed.condition('demo', 'Stalled')).toBe('True NeedsAction');
    expect(await bed.jobs()).toEqual([]);
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    const body = { metadata: { labels } };
    await bed.client
      .for(namespaces)
      .patch({ name: bed.namespace }, { type: 'merge', body }, bed.call);
    await expect.poll(() => bed.complete('demo'), LIMIT).toBe(true);
  });

  test('no room in the cluster', async ({ expect }) => {
    await using bed = await open({ room: false });
    await using _life = bed.start();
    await bed.create('demo');
    await expect
      .poll(() => bed.condition('demo', 'Progressing'), LIMIT)
      .toBe('False Unschedulable');
    expect(await message(bed, 'Progressing')).toMatch(/nodes are available/);
    expect(await bed.condition('demo', 'Stalled')).toBe('False NotStalled');
  });

  test('a quota that refuses pods, until it is raised', async ({ expect }) => {
    await using bed = await open();
    const quota = { name: 'none', namespace: bed.namespace };
    await bed.client
      .for(quotas)
      .create({ metadata: quota, spec: { hard: { pods: '0' } } }, bed.call);
    const pod = { metadata: { name: 'asks', namespace: bed.namespace }, spec: podSpec() };
    const asked = async () =>
      bed.client
        .for(sandboxPods)
        .create(pod, { ...bed.call, dryRun: true })
        .then(() => 'admitted', errorMessage);
    await expect.poll(asked, LIMIT).toContain('exceeded quota: none');
    await using _life = bed.start();
    await bed.create('demo');
    await expect
      .poll(() => bed.condition('demo', 'Progressing'), LIMIT)
      .toBe('False PodsForbidden');
    expect(await message(bed, 'Progressing')).toContain('exceeded quota: none');
    await bed.client.for(quotas).delete(quota, bed.call);
    await expect.poll(() => bed.complete('demo'), { ...LIMIT, timeout: 100_000 }).toBe(true);
  });

  test.for([
    [{ persistentVolumeClaim: { claimName: 'x', path: 'tasks' } }, 'False SourceNotFound'],
    [{ path: './tasks' }, 'False SourceUnsupported'],
    [{ configMap: { name: 'x', key: 'tasks.jsonl' } }, 'False SourceNotFound'],
    [{ selector: { matchLabels: { suite: 'none' } } }, 'False SourceNotFound'],
  ] as const)('a task source %o', async ([tasks, expected], { expect }) => {
    await using bed = await open();
    await using _life = bed.start();
    await bed.create('demo', { tasks });
    await expect.poll(() => bed.condition('demo', 'Planned'), LIMIT).toBe(expected);
    expect(await bed.condition('demo', 'Progressing')).toBe('False Blocked');
    expect(bed.server.calls).not.toContain('plan');
  });

  test('a spec that the server refuses', async ({ expect }) => {
    await using bed = await open();
    bed.server.fail = (call) => {
      if (call === 'plan') throw new ClawError('InvalidTask', 'task a: verifier.py is missing');
    };
    await using _life = bed.start();
    await bed.create('demo');
    await expect.poll(() => bed.condition('demo', 'Planned'), LIMIT).toBe('False PlanRefused');
    expect(await message(bed, 'Planned')).toBe('task a: verifier.py is missing');
  });
});

describe.concurrent('a batch goes on', () => {
  test('after the server was away, which fails nothing', async ({ expect }) => {
    await using bed = await open({ script: () => 'hang' });
    await using _life = bed.start();
    const { metadata } = await bed.create('demo', { samples: 2 });
    await expect.poll(() => bed.condition('demo', 'Progressing'), LIMIT).toBe('True Running');
    bed.server.fail = () => {
      throw new ClawError('ServerUnavailable', 'connect ECONNREFUSED', { retryable: true });
    };
    await expect
      .poll(() => bed.condition('demo', 'Progressing'), LIMIT)
      .toBe('Unknown ServerUnavailable');
    expect((await bed.get('demo'))?.status?.progress).toBe('0/2');
    bed.script = () => 'work';
    bed.server.fail = () => undefined;
    await expect.poll(() => bed.condition('demo', 'Progressing'), LIMIT).toBe('True Running');
    for (const { metadata: pod } of await bed.pods())
      await bed.client.for(sandboxPods).delete(pod, { ...bed.call, gracePeriodSeconds: 0 });
    await expect.poll(() => bed.complete('demo'), LIMIT).toBe(true);
    expect(bed.server.attempts(metadata.uid ?? '')).toEqual([2, 2]);
  });

  test('after the server was of another release, which starts nothing', async ({ expect }) => {
    await using bed = await open();
    bed.server.fail = () => {
      throw new ClawError('ProtocolMismatch', 'speaks 3: helm upgrade', { retryable: true });
    };
    await using _life = bed.start();
    await bed.create('demo');
    await expect
      .poll(() => bed.condition('demo', 'Progressing'), LIMIT)
      .toBe('False ServerIncompatible');
    expect(await bed.condition('demo', 'Stalled')).toBe('True NeedsAction');
    expect(await message(bed, 'Stalled')).toBe('speaks 3: helm upgrade');
    expect(await bed.jobs()).toEqual([]);
    bed.server.fail = () => undefined;
    await expect.poll(() => bed.complete('demo'), LIMIT).toBe(true);
  });

  test('after its pods vanished', async ({ expect }) => {
    let first = true;
    const script = () => {
      const answer = first ? ('vanish' as const) : ('work' as const);
      first = false;
      return answer;
    };
    await using bed = await open({ script });
    await using _life = bed.start();
    const { metadata } = await bed.create('demo');
    await expect.poll(() => bed.complete('demo'), LIMIT).toBe(true);
    expect(bed.server.attempts(metadata.uid ?? '')).toEqual([2]);
    expect(bed.server.evidenceTold.filter((pod) => pod.gone)).toHaveLength(1);
  });

  test('after somebody deleted its Job', async ({ expect }) => {
    await using bed = await open({ script: () => 'hang' });
    await using _life = bed.start();
    const { metadata } = await bed.create('demo');
    await expect.poll(() => bed.condition('demo', 'Progressing'), LIMIT).toBe('True Running');
    bed.script = () => 'work';
    const [job] = await bed.jobs();
    if (job === undefined) throw new Error('no Job');
    const options = { ...bed.call, propagationPolicy: 'Background' } as const;
    await bed.client.for(jobs).delete(job.metadata, options);
    await expect.poll(() => bed.complete('demo'), LIMIT).toBe(true);
    const told = bed.server.jobsOf(metadata.uid ?? '');
    expect(told[0]).toMatchObject({ cause: 'lost' });
    expect(told[1]?.name).toMatch(/-g2$/);
    expect(bed.server.evidenceTold[0]?.deletedByUs).toBe(undefined);
  });

  test('after somebody deleted the service account of its pods', async ({ expect }) => {
    await using bed = await open({ script: () => 'hang' });
    await using _life = bed.start();
    await bed.create('demo', { samples: 2, parallelism: 1 });
    await expect.poll(() => bed.condition('demo', 'Progressing'), LIMIT).toBe('True Running');
    const { items } = await bed.client
      .for(serviceAccounts)
      .list({ namespace: bed.namespace }, bed.call);
    const [account] = items.filter(({ metadata }) => metadata.name !== 'default');
    if (account === undefined) throw new Error('no service account');
    await bed.client.for(serviceAccounts).delete(account.metadata, bed.call);
    await bed.change('demo', { parallelism: 2 });
    bed.script = () => 'work';
    const [pod] = await bed.pods();
    if (pod === undefined) throw new Error('no pod');
    await bed.client.for(sandboxPods).delete(pod.metadata, bed.call);
    // What was proven is doubted no sooner than some seconds after its proof.
    await expect.poll(() => bed.complete('demo'), { ...LIMIT, timeout: 100_000 }).toBe(true);
  });

  test('after a pod missed its start deadline, which is evicted', async ({ expect }) => {
    let first = true;
    const script = () => {
      const answer = first ? ('no-image' as const) : ('work' as const);
      first = false;
      return answer;
    };
    await using bed = await open({ script });
    await using _life = bed.start();
    await bed.create('demo', { startDeadlineSeconds: 4 });
    await expect
      .poll(() => bed.condition('demo', 'Progressing'), LIMIT)
      .toBe('False ImagePullFailing');
    await expect.poll(() => bed.complete('demo'), LIMIT).toBe(true);
    expect(bed.server.evidenceTold[0]).toMatchObject({
      disruption: 'EvictionByEvictionAPI',
      deletedByUs: 'startDeadline',
    });
  });

  test('after a node was lost: what it holds is carried by the next generation', async ({
    expect,
  }) => {
    await using bed = await open({ script: () => 'lost-node' });
    await using _life = bed.start();
    // The controller's clock is set ahead: nothing is late for its start.
    const { metadata } = await bed.create('demo', { startDeadlineSeconds: 86_400 });
    await expect.poll(() => bed.condition('demo', 'Progressing'), LIMIT).toBe('True Running');
    bed.script = () => 'work';
    const [pod] = await bed.pods();
    if (pod === undefined) throw new Error('no pod');
    await bed.client.for(sandboxPods).delete(pod.metadata, bed.call);
    bed.aheadMs = 20 * 60_000;
    await expect.poll(() => bed.complete('demo'), LIMIT).toBe(true);
    const told = bed.server.jobsOf(metadata.uid ?? '');
    expect(told[0]).toMatchObject({ cause: 'replaced' });
    expect(bed.server.attempts(metadata.uid ?? '')).toEqual([2]);
  });
});

test.concurrent('a batch that was deleted while no operator ran is ended by the next one', async ({
  expect,
}) => {
  await using bed = await open({ script: () => 'hang' });
  const first = bed.start();
  const { metadata } = await bed.create('demo');
  const stays = await bed.create('stays');
  for (const name of ['demo', 'stays'])
    await expect.poll(() => bed.condition(name, 'Progressing'), LIMIT).toBe('True Running');
  await first[Symbol.asyncDispose]();
  await bed.remove('demo', 'Background');
  await expect.poll(() => bed.get('demo'), LIMIT).toBe(undefined);
  // Another one of its name is not the one that the server knows.
  const again = await bed.create('demo');
  await using _life = bed.start();
  await expect.poll(() => bed.server.cancelled(metadata.uid ?? ''), LIMIT).toBe('Deleted');
  await expect.poll(() => bed.condition('demo', 'Progressing'), LIMIT).toBe('True Running');
  for (const { uid = '' } of [stays.metadata, again.metadata])
    expect(bed.server.cancelled(uid)).toBe(undefined);
});

test.concurrent('what a sandbox reaches is probed once in a namespace, and the probe goes', async ({
  expect,
}) => {
  const apiServer = { host: '10.0.0.1', port: 443 };
  await using bed = await open({
    script: () => 'hang',
    preflight: { apiServer, nameServers: ['10.0.0.10'] },
  });
  await using _life = bed.start();
  await bed.create('demo');
  const probes = async () =>
    (await bed.pods()).filter(({ metadata }) => metadata.name.endsWith('-preflight'));
  await expect.poll(async () => (await probes()).length, LIMIT).toBe(1);
  const [probe] = await probes();
  if (probe === undefined) throw new Error('no probe');
  const answer = { gateway: true, first: [], reached: ['the API server'], threads: null };
  const terminated = { exitCode: 0, message: JSON.stringify(answer) };
  const ended = { name: 'preflight', state: { terminated }, ready: false, restartCount: 0 };
  const status = { phase: 'Succeeded', containerStatuses: [{ ...ended, image: '', imageID: '' }] };
  await bed.client
    .for(sandboxPods)
    .patch(
      probe.metadata,
      { type: 'merge', body: { status } },
      { ...bed.call, subresource: 'status' },
    );
  await expect.poll(() => bed.condition('demo', 'NetworkIsolated'), LIMIT).toBe('False Reachable');
  await expect.poll(async () => (await probes()).length, LIMIT).toBe(0);
  await bed.create('second');
  await expect
    .poll(() => bed.condition('second', 'NetworkIsolated'), LIMIT)
    .toBe('False Reachable');
  await expect.poll(() => bed.eventReasons('demo'), LIMIT).toContain('Reachable');
});

test.concurrent('finished pods are deleted together, but none that ended after the look', async ({
  expect,
}) => {
  await using bed = await open();
  const pods = bed.client.for(sandboxPods);
  const labels = { 'clawgym.io/batch-uid': 'sweep' };
  const make = async (name: string) =>
    await pods.create(
      {
        metadata: { name, namespace: bed.namespace, labels },
        spec: podSpec(),
      },
      bed.call,
    );
  const end = async (name: string, phase: string) => {
    const body = { status: { phase } };
    const key = { namespace: bed.namespace, name };
    const options = { ...bed.call, subresource: 'status' };
    return await pods.patch(key, { type: 'merge', body }, options);
  };
  for (const name of ['runs', 'one', 'two', 'three', 'failed', 'late']) await make(name);
  for (const name of ['one', 'two', 'three']) await end(name, 'Succeeded');
  await end('failed', 'Failed');
  const { resourceVersion: asOf } = await pods.list({ namespace: bed.namespace }, bed.call);
  await end('late', 'Succeeded');
  // Three in portions of two: the second one takes up where the first one ended.
  await deletePodsOf(bed.client, bed.namespace, { labels, asOf, portion: 2 }, bed.call);
  const names = async () => (await bed.pods()).map(({ metadata }) => metadata.name).toSorted();
  await expect.poll(names, LIMIT).toEqual(['late', 'runs']);
});

function podSpec() {
  const securityContext = {
    ...{ allowPrivilegeEscalation: false, runAsNonRoot: true, runAsUser: 65534 },
    ...{ capabilities: { drop: ['ALL'] }, seccompProfile: { type: 'RuntimeDefault' } },
  };
  return {
    automountServiceAccountToken: false,
    nodeSelector: { no: 'room' },
    containers: [{ name: 'a', image: 'a', securityContext }],
  };
}

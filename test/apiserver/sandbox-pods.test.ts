import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { KubeError } from '../../operator/kube/base/kube-error.ts';
import type { NewObject } from '../../operator/kube/client/resource-client.ts';
import { type KubeObject, zKubeObject } from '../../operator/kube/objects/kube-object.ts';
import { defineResource, type Resource } from '../../operator/kube/objects/resource.ts';
import { namespaceObjects } from '../../src/engines/kubernetes/namespace-objects.ts';
import { preflightPod } from '../../src/engines/kubernetes/preflight-pod.ts';
import {
  type DryRunAnswer,
  judgeRestricted,
  restrictedProbe,
} from '../../src/engines/kubernetes/restricted-probe.ts';
import { rolloutJob } from '../../src/engines/kubernetes/rollout-job.ts';
import { verifyJob } from '../../src/engines/kubernetes/verify-job.ts';
import { layerClient, namespaces, pods, serviceAccounts } from '../support/layer-client.ts';
import {
  podBatch,
  ROLLOUT_SHAPE,
  sandboxRequest,
  VERIFY_SHAPE,
} from '../support/sandbox-request.ts';

/** What a real API server, which refuses unknown fields here, says to what the builders make. */
const namespaced = { version: 'v1', namespaced: true, schema: zKubeObject } as const;
const jobs = defineResource({ ...namespaced, group: 'batch', kind: 'Job', plural: 'jobs' });
const policies = defineResource({
  ...namespaced,
  group: 'networking.k8s.io',
  kind: 'NetworkPolicy',
  plural: 'networkpolicies',
});
const quotas = defineResource({
  ...namespaced,
  group: '',
  kind: 'ResourceQuota',
  plural: 'resourcequotas',
  schema: zKubeObject.extend({
    status: z.looseObject({ hard: z.record(z.string(), z.string()).optional() }).optional(),
  }),
});

const server = layerClient();
const { client } = server;
afterAll(() => server[Symbol.asyncDispose]());
const call = { signal: AbortSignal.timeout(120_000), fieldManager: 'tests' };
const SERVER = { namespace: 'clawgym', podLabels: { 'app.kubernetes.io/component': 'server' } };

/** A namespace with this level enforced and what sandbox pods need in it. */
async function prepared(level: string | undefined): Promise<string> {
  const name = `pods-${crypto.randomUUID().slice(0, 8)}`;
  const labels = level === undefined ? {} : { 'pod-security.kubernetes.io/enforce': level };
  await client.for(namespaces).create({ metadata: { name, labels } }, call);
  onTestFinished(() => client.for(namespaces).delete({ name }, call));
  const objects = namespaceObjects(name, SERVER);
  await client.for(serviceAccounts).create(objects.serviceAccount, call);
  for (const policy of objects.networkPolicies) await client.for(policies).create(policy, call);
  return name;
}

const rollout = (namespace: string) =>
  rolloutJob(sandboxRequest(ROLLOUT_SHAPE, { batch: podBatch({}, namespace) }));
const verify = (namespace: string) =>
  verifyJob(sandboxRequest(VERIFY_SHAPE, { batch: podBatch({}, namespace) }));

async function dryRun<T extends KubeObject>(
  resource: Resource<T>,
  object: NewObject<T>,
): Promise<DryRunAnswer> {
  try {
    await client.for(resource).create(object, { ...call, dryRun: true });
    return { admitted: true };
  } catch (thrown) {
    if (thrown instanceof KubeError && thrown.code === 'Forbidden') {
      return { admitted: false, message: thrown.message };
    }
    throw thrown;
  }
}

async function probe(namespace: string) {
  const { plain, sandbox } = restrictedProbe(rollout(namespace));
  const answers = [await dryRun(pods, plain), await dryRun(pods, sandbox)] as const;
  return { answers, judged: judgeRestricted(namespace, ...answers) };
}

describe('in a restricted namespace', () => {
  test('sandbox pods are admitted, and a pod that says nothing of security is refused', async () => {
    const { answers, judged } = await probe(await prepared('restricted'));
    expect(answers[0]).toMatchObject({
      message: expect.stringContaining('violates PodSecurity "restricted:latest"'),
    });
    expect(answers[1]).toEqual({ admitted: true });
    expect(judged).toBeUndefined();
  });

  test('verify and preflight pods are admitted too', async () => {
    const namespace = await prepared('restricted');
    const { installation } = sandboxRequest(ROLLOUT_SHAPE);
    const preflight = preflightPod('preflight', podBatch({}, namespace), installation, {
      apiServer: { host: '10.96.0.1', port: 443 },
      nameServers: ['10.96.0.10'],
    });
    const { sandbox } = restrictedProbe(verify(namespace));
    expect(await dryRun(pods, sandbox)).toEqual({ admitted: true });
    expect(await dryRun(pods, preflight)).toEqual({ admitted: true });
  });

  test('both Jobs are valid: failure policy, index limits, replacement', async () => {
    const namespace = await prepared('restricted');
    for (const job of [rollout(namespace), verify(namespace)]) {
      expect(await dryRun(jobs, job)).toEqual({ admitted: true });
    }
  });

  test('a full quota is asked last, so a refusal by it still proves the level', async () => {
    const namespace = await prepared('restricted');
    const hard = { pods: '0' };
    const quota = { metadata: { name: 'full', namespace }, spec: { hard } };
    await client.for(quotas).create(quota, call);
    // What the quota controller would do some seconds later.
    await client
      .for(quotas)
      .applyStatus(
        { metadata: { name: 'full', namespace }, status: { hard, used: { pods: '0' } } },
        { ...call, force: true },
      );
    const said = async () => {
      const { answers } = await probe(namespace);
      return answers.map((answer) => (answer.admitted ? '' : answer.message));
    };
    // Who admits pods hears of the quota by a watch.
    await expect
      .poll(said, { timeout: 30_000 })
      .toEqual([
        expect.stringContaining('violates PodSecurity'),
        expect.stringContaining('exceeded quota: full'),
      ]);
    expect((await probe(namespace)).judged).toBeUndefined();
  });
});

describe('elsewhere', () => {
  test.each(['baseline', 'privileged', undefined])('level %s is found out', async (level) => {
    const namespace = await prepared(level);
    const { answers, judged } = await probe(namespace);
    expect(answers).toEqual([{ admitted: true }, { admitted: true }]);
    expect(judged).toMatchObject({
      reason: 'NamespaceNotRestricted',
      message: expect.stringContaining(`kubectl label namespace ${namespace}`),
    });
  });
});

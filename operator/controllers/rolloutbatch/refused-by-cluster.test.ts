import { expect, test } from 'vitest';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { batchOf } from '../../../test/support/run-objects.ts';
import { ROLLOUT_SHAPE, sandboxRequest } from '../../../test/support/sandbox-request.ts';
import { KubeError } from '../../kube/base/kube-error.ts';
import { createKubeClient } from '../../kube/client/typed-client.ts';
import { Findings } from './findings.ts';
import { NamespaceKeeper } from './namespace.ts';
import { NetworkProbe } from './network-probe.ts';

const { installation } = sandboxRequest(ROLLOUT_SHAPE);
const call = { signal: new AbortController().signal, fieldManager: 'test' };
const WORDS = 'User "operator" cannot create resource "x" in API group "" in the namespace "a"';
const STEP = /cannot create resource .*; give the operator its rights back: helm upgrade /;
const refusal = new KubeError('Forbidden', WORDS, { httpStatus: 403 });

/** An API server that refuses whatever would change it. */
const client = createKubeClient({
  transport: {
    request: async ({ method }) => {
      if (method === 'GET') return { metadata: { resourceVersion: '1' }, items: [] };
      throw refusal;
    },
    stream: () => Promise.reject(new Error('no stream is expected')),
    [Symbol.asyncDispose]: async () => undefined,
  },
});
const batch = batchOf('b', {});

test('a namespace that cannot be prepared', async () => {
  const keeper = new NamespaceKeeper(client, new ManualClock());
  const problem = await keeper.prepare('a', installation, call);
  expect(problem?.reason).toBe('NamespaceNotPrepared');
  expect(problem?.message).toMatch(STEP);
});

test('a Job that cannot be made', async () => {
  const findings = new Findings(batch, 'uid-b');
  const job = { name: 'j', shape: ROLLOUT_SHAPE, generation: 0, max: 1, parallelism: 1 };
  const action = { ...job, do: 'new' } as const;
  expect(await findings.attempt(action, () => Promise.reject(refusal))).toBe(false);
  expect(findings.forbidden?.reason).toBe('JobsForbidden');
  expect(findings.forbidden?.message).toMatch(STEP);
});

test('a network probe that cannot be made', async () => {
  const cluster = { apiServer: { host: '10.0.0.1', port: 443 }, nameServers: [] };
  const probe = new NetworkProbe({ client, clock: new ManualClock(), cluster });
  await probe.finding(batch, installation, call);
  const found = await probe.finding(batch, installation, call);
  expect(found).toMatchObject({ status: 'Unknown', reason: 'ProbeFailed' });
  expect(found?.message).toMatch(STEP);
});

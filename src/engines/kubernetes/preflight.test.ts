import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { podBatch, ROLLOUT_SHAPE, sandboxRequest } from '../../../test/support/sandbox-request.ts';
import { strictProblems } from '../../../test/support/strict-objects.ts';
import { preflightFinding, zPreflightPod } from './preflight-finding.ts';
import { preflightPod, TARGET } from './preflight-pod.ts';

const { installation } = sandboxRequest(ROLLOUT_SHAPE);
const cluster = {
  apiServer: { host: '10.96.0.1', port: 443 },
  nameServers: ['10.96.0.10'],
  otherPod: { host: '10.244.1.7', port: 9090 },
};
const batch = podBatch({ sandbox: { nodeSelector: { pool: 'sandboxes' } } });
const pod = preflightPod('nightly-0f5c3-preflight', batch, installation, cluster);
const zPlan = z.object({
  targets: z.array(z.object({ name: z.string(), host: z.string(), open: z.boolean() })),
});

describe('the preflight pod', () => {
  test('has every field right and belongs to the batch', () => {
    expect(strictProblems(pod)).toEqual([]);
    expect(pod.metadata.ownerReferences).toMatchObject([{ name: 'nightly', controller: true }]);
    expect(pod.spec.nodeSelector).toEqual({ pool: 'sandboxes' });
  });

  test('is held by the same policies as sandboxes, and counted by nobody', () => {
    expect(pod.metadata.labels).toMatchObject({ 'clawgym.io/sandbox': 'true' });
    expect(pod.metadata.labels).not.toHaveProperty('clawgym.io/batch-uid');
  });

  test('has no token and no secret', () => {
    expect(pod.spec.volumes.map(({ name }) => name)).toEqual(['tmp']);
    expect(JSON.stringify(pod)).not.toMatch(/CERTIFICATE|serviceAccountToken/);
  });

  test('tries all that a sandbox must not reach, and the server that it must', () => {
    const { targets } = zPlan.parse(JSON.parse(pod.spec.containers[0]?.command.at(-1) ?? ''));
    expect(targets.map(({ host, open }) => [host, open])).toEqual([
      ['clawgym-server.sandbox.internal', true],
      ['10.96.0.1', false],
      ['kubernetes.default.svc', false],
      ['10.96.0.10', false],
      ['10.244.1.7', false],
      ['$HOST_IP', false],
      ['169.254.169.254', false],
      ['1.1.1.1', false],
    ]);
  });
});

describe('the finding', () => {
  const ended = (message: string | undefined, more: object = {}) =>
    zPreflightPod.parse({
      status: {
        phase: 'Succeeded',
        containerStatuses: [
          {
            name: 'preflight',
            state: { terminated: { exitCode: 0, reason: 'Completed', message } },
          },
        ],
        ...more,
      },
    });
  const answer = (more: object) =>
    ended(JSON.stringify({ gateway: true, first: [], reached: [], threads: null, ...more }));

  test.each<[string, object, object]>([
    [
      'nothing but the server',
      {},
      {
        status: 'True',
        reason: 'Probed',
        message: expect.stringMatching(/nothing else.*no limit.*podPidsLimit/),
      },
    ],
    [
      'a limit on processes',
      { threads: 1021 },
      {
        status: 'True',
        reason: 'Probed',
        message: expect.stringMatching(/about 1021 processes/),
        podPidsLimit: 1021,
      },
    ],
    [
      'policies that come late',
      { first: ['the API server'] },
      {
        status: 'True',
        reason: 'Probed',
        message: expect.stringMatching(/just after their start they also reach the API server/),
      },
    ],
    [
      'a plugin that enforces nothing',
      { first: ['the API server', 'the internet'], reached: ['the API server', 'the internet'] },
      {
        status: 'False',
        reason: 'Reachable',
        message: expect.stringMatching(/^sandbox pods reach the API server, the internet: check/),
      },
    ],
    [
      "listeners of the pod's own node",
      { first: [TARGET.ownNode], reached: [TARGET.ownNode] },
      { status: 'False', reason: 'OwnNodeReachable' },
    ],
    [
      'no server: nothing is proven',
      { gateway: false },
      { status: 'Unknown', reason: 'GatewayUnreachable' },
    ],
    [
      'no server, but something else',
      { gateway: false, first: ['the internet'], reached: ['the internet'] },
      { status: 'False', reason: 'Reachable' },
    ],
  ])('%s', (_name, said, wanted) => {
    expect(preflightFinding(answer(said))).toMatchObject(wanted);
  });

  test.each(['Pending', 'Running', undefined])('waits while the pod is %s', (phase) => {
    expect(preflightFinding(zPreflightPod.parse({ status: { phase } }))).toBeUndefined();
  });

  test.each<[string, z.infer<typeof zPreflightPod>, RegExp]>([
    ['no answer', ended(undefined), /exit code 0\): Completed/],
    ['half an answer', ended('{"gateway": tr'), /Completed: \{"gateway": tr/],
    ['another answer', ended('{"gateway": 1}'), /Completed/],
    [
      'evicted before it ran',
      ended(undefined, {
        phase: 'Failed',
        containerStatuses: [],
        reason: 'DeadlineExceeded',
        message: 'Pod was active too long',
      }),
      /exit code none\): DeadlineExceeded: Pod was active too long/,
    ],
  ])('is unknown after %s', (_name, given, message) => {
    expect(preflightFinding(given)).toEqual({
      status: 'Unknown',
      reason: 'ProbeFailed',
      message: expect.stringMatching(message) as string,
    });
    expect(preflightFinding(given)?.message).toMatch(/; put that right; runs go on without it, /);
  });
});

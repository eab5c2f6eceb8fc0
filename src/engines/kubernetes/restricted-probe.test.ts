import { describe, expect, test } from 'vitest';
import { ROLLOUT_SHAPE, sandboxRequest } from '../../../test/support/sandbox-request.ts';
import { strictProblems } from '../../../test/support/strict-objects.ts';
import { type DryRunAnswer, judgeRestricted, restrictedProbe } from './restricted-probe.ts';
import { rolloutJob } from './rollout-job.ts';

const job = rolloutJob(sandboxRequest(ROLLOUT_SHAPE));
const { plain, sandbox } = restrictedProbe(job);

describe('the two pods', () => {
  test('one is what the Job controller will make', () => {
    expect(sandbox).toStrictEqual({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: 'nightly-0f5c3-k3x9-g1-probe',
        namespace: 'runs',
        labels: job.spec.template.metadata.labels,
      },
      spec: job.spec.template.spec,
    });
  });

  test('the other says nothing of security and is the same else', () => {
    expect(JSON.stringify(plain)).not.toMatch(/securityContext|runAs|seccomp|capabilities/);
    expect(plain.spec).toMatchObject({
      volumes: job.spec.template.spec.volumes,
      serviceAccountName: 'clawgym-sandbox',
      containers: [{ name: 'agent' }],
    });
    expect(plain.metadata.name).toBe('nightly-0f5c3-k3x9-g1-probe-plain');
  });

  test('every field exists', () => {
    expect([plain, sandbox].flatMap(strictProblems)).toEqual([]);
  });
});

describe('the judgement', () => {
  const admitted: DryRunAnswer = { admitted: true };
  const no = (message: string): DryRunAnswer => ({ admitted: false, message });
  const violates = no(
    'pods "x" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false',
  );

  test.each<[string, DryRunAnswer, DryRunAnswer]>([
    ['refused and admitted', violates, admitted],
    [
      'a version is pinned',
      no('pods "x" is forbidden: violates PodSecurity "restricted:v1.36": runAsNonRoot != true'),
      admitted,
    ],
    [
      'no room now: the quota is asked after everything else',
      violates,
      no(
        'pods "x" is forbidden: exceeded quota: team, requested: pods=1, used: pods=9, limited: pods=9',
      ),
    ],
  ])('proven: %s', (_name, first, second) => {
    expect(judgeRestricted('runs', first, second)).toBeUndefined();
  });

  test.each<[string, DryRunAnswer, DryRunAnswer, RegExp]>([
    [
      'everything is admitted',
      admitted,
      admitted,
      /^namespace runs admits a pod without a security context.*kubectl label namespace runs pod-security/,
    ],
    [
      'only baseline is enforced: it admits the plain pod',
      admitted,
      violates,
      /admits a pod without/,
    ],
    [
      'refused by something else, which may not stop another pod',
      no('admission webhook "x" denied the request: no team label'),
      admitted,
      /expected that Pod Security level restricted refuses.*said: admission webhook "x" denied the request: no team label/,
    ],
    [
      'refused by another level of the name',
      no('violates PodSecurity "baseline:latest": hostPort'),
      admitted,
      /baseline:latest/,
    ],
    [
      'the sandbox pod is refused as well',
      violates,
      no('pods "y" is forbidden: PodSecurity is not it: nodeSelector label conflict'),
      /^namespace runs refuses sandbox pods; the API server said: pods "y" is forbidden: PodSecurity is not it/,
    ],
  ])('not proven: %s', (_name, first, second, message) => {
    expect(judgeRestricted('runs', first, second)).toEqual({
      reason: 'NamespaceNotRestricted',
      message: expect.stringMatching(message) as string,
    });
  });

  test('quotes in one bounded line', () => {
    const odd = no(`no\n${'x'.repeat(5000)}`);
    expect(judgeRestricted('runs', odd, admitted)?.message).toMatch(/^[^\n]{1,2300}$/);
  });
});

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  podBatch,
  ROLLOUT_SHAPE,
  sandboxRequest,
  VERIFY_SHAPE,
} from '../../../test/support/sandbox-request.ts';
import { strictProblems } from '../../../test/support/strict-objects.ts';
import { loadDocument } from '../../api/kube-yaml.ts';
import type { Shape } from '../../protocol/operator-api.ts';
import type { Container, Job } from './kube-types.ts';
import { rolloutJob } from './rollout-job.ts';
import { clusterFeatures, markHolds, SERVER_MARK, serverMark, zPodSettings } from './settings.ts';
import { verifyJob } from './verify-job.ts';

const golden = (name: string): unknown =>
  loadDocument(readFileSync(new URL(`golden/${name}`, import.meta.url), 'utf8'));
const rollout = (shape: Partial<Shape> = {}, spec: object = {}): Job =>
  rolloutJob(sandboxRequest({ ...ROLLOUT_SHAPE, ...shape }, { batch: podBatch(spec) }));
const verify = (shape: Partial<Shape> = {}, spec: object = {}): Job =>
  verifyJob(sandboxRequest({ ...VERIFY_SHAPE, ...shape }, { batch: podBatch(spec) }));
const podOf = (job: Job) => job.spec.template.spec;
const allContainers = (job: Job): readonly Container[] => [
  ...(podOf(job).initContainers ?? []),
  ...podOf(job).containers,
];

test('a rollout Job, field by field', () => {
  expect(rollout()).toStrictEqual(golden('rollout-job.yaml'));
});

test('a verify pod, field by field where it differs', () => {
  const job = verify();
  expect(podOf(job)).toMatchObject(golden('verify-pod.yaml') as object);
  const { initContainers: _i, containers: _c, volumes: _v, ...rest } = podOf(job);
  const { initContainers: _ri, containers: _rc, volumes: _rv, ...same } = podOf(rollout());
  expect({ ...rest, activeDeadlineSeconds: 0, terminationGracePeriodSeconds: 0 }).toStrictEqual({
    ...same,
    activeDeadlineSeconds: 0,
    terminationGracePeriodSeconds: 0,
  });
  expect(job.spec.podFailurePolicy.rules).toEqual([
    { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
    { action: 'Ignore', onExitCodes: { containerName: 'fetch', operator: 'In', values: [43] } },
    { action: 'FailIndex', onExitCodes: { containerName: 'fetch', operator: 'In', values: [42] } },
    {
      action: 'FailIndex',
      onExitCodes: { containerName: 'grade', operator: 'NotIn', values: [0] },
    },
  ]);
  expect(job.spec.template.metadata.labels).toMatchObject({
    'clawgym.io/sandbox': 'true',
    'clawgym.io/phase': 'verify',
  });
});

test.each<[string, Job]>([
  ['rollout', rollout()],
  ['verify', verify()],
  ['verify of a plain verifier', verify({ verifierMounts: [], writableMounts: [] })],
])('%s: every field exists and has the right kind', (_name, job) => {
  expect(strictProblems(job)).toEqual([]);
});

describe('the strict walk can fail', () => {
  test.each<[string, (job: Job) => void, string]>([
    [
      'a field that does not exist',
      (job) => Object.assign(job.spec, { replicas: 1 }),
      '$.spec.replicas: unknown field',
    ],
    [
      'a number as text',
      (job) => Object.assign(job.spec, { completions: '3' }),
      '$.spec.completions: expected number, got "3"',
    ],
    [
      'no template',
      (job) => Object.assign(job.spec, { template: undefined }),
      '$.spec: no template',
    ],
    ['an unknown kind', (job) => Object.assign(job, { kind: 'Jobb' }), 'unknown kind'],
  ])('%s', (_name, breakIt, problem) => {
    const job = rollout();
    breakIt(job);
    expect(strictProblems(job).join('\n')).toContain(problem);
  });
});

describe('spec.sandbox', () => {
  test('decides where pods go and nothing else', () => {
    const sandbox = {
      runtimeClassName: 'gvisor',
      nodeSelector: { pool: 'sandboxes' },
      tolerations: [{ key: 'sandbox', operator: 'Exists', effect: 'NoSchedule' }],
      priorityClassName: 'low',
      queueName: 'team-a',
      imagePullSecrets: [{ name: 'pull' }],
    };
    for (const build of [rollout, verify]) {
      const job = build({}, { sandbox });
      const { queueName, ...placed } = sandbox;
      expect(podOf(job)).toMatchObject(placed);
      expect(job.metadata.labels?.['kueue.x-k8s.io/queue-name']).toBe(queueName);
      expect(job.spec.template.metadata.labels).not.toHaveProperty('kueue.x-k8s.io/queue-name');
      expect(strictProblems(job)).toEqual([]);
      const without = build();
      expect({ ...podOf(without), ...placed }).toStrictEqual(podOf(job));
    }
  });

  test('suspend is never written: Kueue owns it', () => {
    expect(rollout({}, { sandbox: { queueName: 'q' }, suspend: true }).spec).not.toHaveProperty(
      'suspend',
    );
  });
});

describe('images', () => {
  test.each([
    ['pi', 'clawgym-agent-pi:1'],
    ['openclaw', 'clawgym-agent-openclaw:1'],
    ['runner', 'clawgym-runner:1'],
    [{ reference: 'task@sha256:1' }, 'task@sha256:1'],
  ] as const)('%j', (image, reference) => {
    const job = rollout({ image });
    const images = allContainers(job).map((container) => container.image);
    expect(images).toEqual(['clawgym-runner:1', 'clawgym-runner:1', reference]);
  });
});

test('a node of an older cluster gets no host name that its API server would refuse', () => {
  const features = (major: string, minor: string) => clusterFeatures({ major, minor });
  expect(features('1', '33')).toEqual({ hostnameOverride: false });
  expect(features('1', '36+')).toEqual({ hostnameOverride: true });
  expect(features('2', '0')).toEqual({ hostnameOverride: true });
  const job = rolloutJob(sandboxRequest(ROLLOUT_SHAPE, { hostnameOverride: false }));
  expect(podOf(job)).not.toHaveProperty('hostnameOverride');
});

test('what only some nodes can do is asked of them where the installation says so', () => {
  const request = sandboxRequest(ROLLOUT_SHAPE);
  const { installation } = request;
  const hardened = (hardening: object) => {
    const settings = zPodSettings.parse({ ...installation.settings, hardening });
    const job = rolloutJob({ ...request, installation: { ...installation, settings } });
    expect(strictProblems(job)).toEqual([]);
    const { hostUsers, securityContext } = podOf(job);
    const { supplementalGroupsPolicy, appArmorProfile } = securityContext;
    return [hostUsers, supplementalGroupsPolicy, appArmorProfile?.type];
  };
  expect(hardened({})).toEqual([undefined, undefined, undefined]);
  expect(hardened({ userNamespaces: true })).toEqual([false, undefined, undefined]);
  expect(hardened({ strictGroups: true })).toEqual([undefined, 'Strict', undefined]);
  expect(hardened({ appArmor: true })).toEqual([undefined, undefined, 'RuntimeDefault']);
});

describe('seconds', () => {
  test.each<[string, Partial<Shape>, object, number, number, number]>([
    ['defaults', {}, {}, 1680, 214, 3600],
    [
      'another start deadline and claim wait',
      {},
      { startDeadlineSeconds: 60, claimWaitSeconds: 5 },
      1025,
      214,
      3600,
    ],
    ['a large snapshot', { snapshotMiB: 1024 }, {}, 1680, 1174, 6470],
    ['a patient link', { gatewayLossSeconds: 600 }, {}, 1680, 694, 4070],
  ])('%s', (_name, shape, spec, deadline, grace, token) => {
    const { activeDeadlineSeconds, terminationGracePeriodSeconds, volumes } = podOf(
      rollout(shape, spec),
    );
    const [life] = volumes.flatMap(({ projected }) => projected?.sources ?? []);
    expect([
      activeDeadlineSeconds,
      terminationGracePeriodSeconds,
      life?.serviceAccountToken.expirationSeconds,
    ]).toEqual([deadline, grace, token]);
  });
});

describe('whatever the shape', () => {
  const shapes: fc.Arbitrary<Partial<Shape>> = fc.record({
    id: fc.constant('x1'),
    image: fc.constantFrom<Shape['image'][]>('pi', 'runner', { reference: 'own' }),
    workspacePath: fc.constantFrom('/workspace', '/root/work', '/app'),
    cpuMillis: fc.integer({ min: 1, max: 64_000 }),
    memoryMiB: fc.integer({ min: 1, max: 65_536 }),
    diskMiB: fc.integer({ min: 1, max: 65_536 }),
    deadlineSeconds: fc.integer({ min: 1, max: 86_400 }),
    snapshotMiB: fc.integer({ min: 1, max: 65_536 }),
    gatewayLossSeconds: fc.integer({ min: 1, max: 3600 }),
    verifierMounts: fc.constantFrom<string[][]>([], ['/tests'], ['/tests', '/workspace/reward']),
    writableMounts: fc.constantFrom<string[][]>(
      [],
      ['/logs/verifier'],
      ['/logs/verifier', '/logs/agent'],
    ),
  });
  const jobs = shapes.chain((shape) =>
    fc.constantFrom(rollout(shape), verify({ ...shape, phase: 'verify' })),
  );

  test('only our programs see the token, the server or a certificate', () => {
    fc.assert(
      fc.property(jobs, (job) => {
        for (const container of podOf(job).containers) {
          expect(container.volumeMounts.map(({ name }) => name)).not.toContain('token');
          expect(JSON.stringify(container)).not.toMatch(/CLAWGYM|CERTIFICATE|internal/);
        }
      }),
    );
  });

  test('every container is held to restricted with a read-only root and its own /dev/shm', () => {
    fc.assert(
      fc.property(jobs, (job) => {
        const shared = allContainers(job).map(({ securityContext, volumeMounts }) => {
          expect(securityContext).toEqual({
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          });
          return volumeMounts.find(({ mountPath }) => mountPath === '/dev/shm')?.name;
        });
        expect(new Set(shared).size).toBe(3);
        expect(shared).not.toContain(undefined);
      }),
    );
  });

  test('mounts name volumes, once a place, and every volume is used and has a size', () => {
    fc.assert(
      fc.property(jobs, (job) => {
        const { volumes } = podOf(job);
        const used = new Set<string>();
        for (const { volumeMounts } of allContainers(job)) {
          const places = volumeMounts.map(({ mountPath }) => mountPath);
          expect(new Set(places).size).toBe(places.length);
          for (const { name } of volumeMounts) used.add(name);
        }
        expect([...used].toSorted()).toEqual(volumes.map(({ name }) => name).toSorted());
        for (const { projected, emptyDir } of volumes) {
          expect(projected ?? emptyDir?.sizeLimit).toBeDefined();
        }
      }),
    );
  });

  test('memory and disk are requested whole, CPU in part; full volumes are within the pod limit', () => {
    fc.assert(
      fc.property(jobs, (job) => {
        for (const { resources } of allContainers(job)) {
          const { requests, limits } = resources;
          expect({ ...requests, cpu: '' }).toEqual({ ...limits, cpu: '' });
          const [asked = 0, most = 0] = [requests.cpu, limits.cpu].map((cpu) => parseInt(cpu, 10));
          expect(asked).toBeGreaterThan(0);
          expect(asked).toBeLessThanOrEqual(Math.max(1, most));
        }
        const onDisk = podOf(job).volumes.flatMap(({ emptyDir }) =>
          emptyDir === undefined || emptyDir.medium !== undefined ? [] : [emptyDir.sizeLimit],
        );
        const [first, beside] = podOf(job).initContainers ?? [];
        const together = [beside, ...podOf(job).containers].map(diskLimit);
        expect(sum(together)).toBeGreaterThan(sum(onDisk.map((size) => parseInt(size, 10))));
        expect(diskLimit(first)).toBeGreaterThan(0);
      }),
    );
  });

  const diskLimit = (container: Container | undefined): number =>
    parseInt(container?.resources.limits['ephemeral-storage'] ?? '0', 10);
  const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);
});

test.each(['/program', '/verdict/x', '/tmp', '/run/clawgym/report', '/opt'])(
  'no pod has its workspace at %s',
  (workspacePath) => {
    expect(() => rollout({ workspacePath })).toThrow(/belongs to the sandbox/);
    expect(() => verify({ workspacePath })).toThrow(/belongs to the sandbox/);
  },
);

describe('what a Job remembers of the server', () => {
  const server = { clusterIP: '10.0.0.1', caBundle: 'old' };
  test.each([
    ['another address', { ...server, clusterIP: '10.0.0.2' }],
    ['another certificate', { ...server, caBundle: 'new' }],
  ])('%s marks it as another', (_name, other) => {
    expect(serverMark(other)).not.toBe(serverMark(server));
    expect(serverMark({ ...server })).toBe(serverMark(server));
  });

  test.each([
    ['the same', 'old', 'old', true],
    ['its successor is announced', 'old', 'old+next', true],
    ['its successor signs', 'old', 'next+old', false],
    ['a Job of the announcement, when the successor signs', 'old+next', 'next+old', true],
    ['a Job of the announcement, when the old one has retired', 'old+next', 'next', true],
    ['all is made anew', 'old+next', 'other', false],
  ])('a Job goes on while its pods trust what signs: %s', (_name, given, now, holds) => {
    const mark = (names: string) => {
      const pem = (name: string) =>
        `-----BEGIN CERTIFICATE-----\n${name}\n-----END CERTIFICATE-----\n`;
      return serverMark({ ...server, caBundle: names.split('+').map(pem).join('') });
    };
    expect(markHolds(mark(given), mark(now))).toBe(holds);
    expect(markHolds(mark(given).replace('10.0.0.1', '10.0.0.2'), mark(now))).toBe(false);
    expect(markHolds(undefined, mark(now))).toBe(false);
  });

  test('is an annotation of the Job, not of its pods', () => {
    const job = rollout();
    expect(job.metadata.annotations?.[SERVER_MARK]).toMatch(/^10\.96\.0\.77 [0-9a-f]{16}$/);
    expect(job.spec.template.metadata.annotations).toBeUndefined();
  });
});

describe('settings', () => {
  const least = {
    images: { pi: 'p', openclaw: 'o', runner: 'r' },
    server: { namespace: 'clawgym', podLabels: { app: 'server' } },
  };
  test('have defaults', () => {
    expect(zPodSettings.parse(least)).toEqual({
      ...least,
      imagePullPolicy: 'IfNotPresent',
      cpuRequestPercent: 25,
      trusted: { cpuRequestMillis: 20, cpuMillis: 1000, memoryMiB: 192 },
      hardening: { userNamespaces: false, strictGroups: false, appArmor: false },
    });
  });

  test.each<[string, object]>([
    ['an unknown field', { ...least, image: 'x' }],
    ['an image that is missing', { ...least, images: { pi: 'p', runner: 'r' } }],
    [
      'no label: every pod of the namespace would be reachable',
      { ...least, server: { ...least.server, podLabels: {} } },
    ],
  ])('refuse %s', (_name, odd) => {
    expect(zPodSettings.safeParse(odd).success).toBe(false);
  });
});

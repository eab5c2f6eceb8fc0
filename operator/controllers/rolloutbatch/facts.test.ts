import { describe, expect, test } from 'vitest';
import type { PodEvidence } from '../../../src/protocol/pod-evidence.ts';
import type { Job } from '../shared/kube-kinds.ts';
import { ENDING, LOWERED_AT } from '../shared/marks.ts';
import type { SandboxPod } from '../shared/pods.ts';
import { deletedByUs, jobFact, podFact } from './facts.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const at = (seconds: number): string => new Date(NOW + seconds * 1000).toISOString();
const ran = (exitCode = 0) => ({
  state: 'terminated' as const,
  terminated: { exitCode, startedAt: at(-100) },
});
const waits = (waitingReason = 'PodInitializing') => ({ state: 'waiting' as const, waitingReason });

function evidence(more: Partial<PodEvidence> = {}): PodEvidence {
  return {
    ...{ podUid: 'p', podName: 'pod', jobName: 'j', jobUid: 'uid-j', index: 0 },
    ...{ phase: 'Running', gone: false, containers: [], ...more },
  };
}

function pod(more: Partial<SandboxPod['metadata']> = {}, status: SandboxPod['status'] = {}) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'pod', ...more },
    status,
  } as SandboxPod;
}

const fact = (more: Partial<PodEvidence>, status: SandboxPod['status'] = {}) =>
  podFact(evidence(more), pod({}, status), {
    ...{ now: NOW, startDeadlineSeconds: 600, reported: false },
  });

describe('a pod', () => {
  test.each<[string, Partial<PodEvidence>, boolean]>([
    ['without a place', { phase: 'Pending' }, true],
    [
      'being prepared',
      {
        phase: 'Pending',
        containers: [
          { name: 'stage', state: 'running' },
          { name: 'agent', ...waits() },
        ],
      },
      true,
    ],
    [
      'whose agent runs beside one that does not start',
      { phase: 'Pending', containers: [{ name: 'agent', state: 'running' }] },
      false,
    ],
    ['whose agent has run', { phase: 'Pending', containers: [{ name: 'agent', ...ran() }] }, false],
    ['that runs', { containers: [{ name: 'agent', state: 'running' }] }, false],
    ['that is gone', { phase: 'Pending', gone: true }, false],
  ])('%s: foreign code has not run in it yet', (_name, more, pending) => {
    expect(fact(more).pending).toBe(pending);
  });

  test.each<[string, Partial<PodEvidence>, { over: boolean; stuck: boolean; swept: boolean }]>([
    ['runs', {}, { over: false, stuck: false, swept: false }],
    ['has ended', { phase: 'Succeeded' }, { over: true, stuck: false, swept: true }],
    [
      'has ended, but a sidecar still works',
      { phase: 'Failed', containers: [{ name: 'companion', state: 'running' }] },
      { over: false, stuck: false, swept: true },
    ],
    ['is gone', { gone: true }, { over: true, stuck: false, swept: false }],
    ['is ending', { deletedAt: at(-30) }, { over: false, stuck: false, swept: false }],
    [
      'is on a lost node: a minute past its grace period',
      { deletedAt: at(-61) },
      { over: true, stuck: true, swept: false },
    ],
    [
      'has ended and is being deleted: no second deletion',
      { phase: 'Failed', deletedAt: at(-1) },
      { over: true, stuck: false, swept: false },
    ],
  ])('%s', (_name, more, expected) => {
    expect(fact(more)).toMatchObject(expected);
  });

  test.each<[string, Partial<PodEvidence>, boolean]>([
    [
      'just scheduled',
      { scheduledAt: at(-10), containers: [{ name: 'stage', ...waits() }] },
      false,
    ],
    ['not scheduled at all', { containers: [] }, false],
    [
      'late, nothing ran',
      { scheduledAt: at(-601), containers: [{ name: 'stage', ...waits() }] },
      true,
    ],
    ['late, no status at all', { scheduledAt: at(-601) }, true],
    [
      'late, our own first container waits for the attempt before',
      {
        scheduledAt: at(-601),
        containers: [
          { name: 'stage', state: 'running' },
          { name: 'agent', ...waits() },
        ],
      },
      false,
    ],
    [
      "late, only the agent's image is missing",
      {
        scheduledAt: at(-601),
        containers: [
          { name: 'stage', ...ran() },
          { name: 'companion', state: 'running' },
          { name: 'agent', ...waits('ImagePullBackOff') },
        ],
      },
      true,
    ],
    [
      'late, but being deleted',
      { scheduledAt: at(-601), deletedAt: at(0), containers: [{ name: 'stage', ...waits() }] },
      false,
    ],
  ])('misses its start deadline: %s', (_name, more, expected) => {
    expect(fact({ phase: 'Pending', ...more }).startOverdue).toBe(expected);
  });

  test("the cluster's words on room and images are kept", () => {
    const unschedulable = {
      conditions: [
        { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes' },
      ],
    };
    expect(fact({ phase: 'Pending' }, unschedulable).unschedulable).toBe('0/3 nodes');
    const gated = {
      conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }],
    };
    expect(fact({ phase: 'Pending' }, gated).unschedulable).toBe(undefined);
    const message = 'Back-off pulling image "x"';
    const status = {
      initContainerStatuses: [
        { name: 'stage', state: { waiting: { reason: 'ImagePullBackOff', message } } },
      ],
    };
    const containers = [{ name: 'stage', ...waits('ImagePullBackOff') }];
    expect(fact({ phase: 'Pending', containers }, status).imageProblem).toBe(
      `ImagePullBackOff: ${message}`,
    );
    expect(fact({ containers: [{ name: 'stage', ...waits() }] }).imageProblem).toBe(undefined);
  });
});

function job(annotations: Record<string, string> = {}, more: Partial<Job> = {}): Job {
  const metadata = { name: 'j', uid: 'uid-j', annotations };
  return { apiVersion: 'batch/v1', kind: 'Job', metadata, spec: {}, ...more };
}

describe('who deleted a pod', () => {
  const GRACE = 30;
  /** Asked for at second `asked`, with a grace period of 30 s. */
  const deleted = (asked: number) => ({
    evidence: { deletedAt: at(asked + GRACE) },
    pod: pod({ deletionTimestamp: at(asked + GRACE), deletionGracePeriodSeconds: GRACE }),
  });
  const evicted = (more: Partial<PodEvidence>) => ({
    ...{ phase: 'Failed' as const, disruption: 'EvictionByEvictionAPI', scheduledAt: at(-700) },
    ...more,
  });
  type Row = readonly [
    string,
    { readonly evidence: Partial<PodEvidence>; readonly pod: SandboxPod },
    Job | undefined,
    PodEvidence['deletedByUs'],
  ];
  test.each<Row>([
    ['nobody', { evidence: {}, pod: pod() }, job({ [ENDING]: 'paused' }), undefined],
    ['a pause', deleted(-1), job({ [ENDING]: 'paused' }), 'paused'],
    ['a deadline', deleted(-1), job({ [ENDING]: 'deadline' }), 'deadline'],
    ['a new address', deleted(-1), job({ [ENDING]: 'replaced' }), 'replaced'],
    ['a word that is none of ours', deleted(-1), job({ [ENDING]: 'mine' }), undefined],
    ['a person', deleted(-1), job(), undefined],
    ['somebody, its Job long gone', deleted(-1), undefined, undefined],
    [
      'gone with its Job after a pause',
      { evidence: { gone: true }, pod: pod() },
      job({ [ENDING]: 'paused' }),
      'paused',
    ],
    ['lower parallelism', deleted(-5), job({ [LOWERED_AT]: at(-6) }), 'parallelism'],
    ['a person, long after', deleted(-5), job({ [LOWERED_AT]: at(-600) }), undefined],
    ['a person, long before', deleted(-60), job({ [LOWERED_AT]: at(-6) }), undefined],
    [
      'a drain, in a Job that is being paused',
      {
        ...deleted(-1),
        evidence: { ...deleted(-1).evidence, disruption: 'PreemptionByScheduler' },
      },
      job({ [ENDING]: 'paused' }),
      undefined,
    ],
    [
      'us, for its start deadline',
      { ...deleted(-1), evidence: evicted({ ...deleted(-1).evidence, containers: [] }) },
      job(),
      'startDeadline',
    ],
    [
      'a drain before its start deadline',
      {
        ...deleted(-1),
        evidence: evicted({ ...deleted(-1).evidence, scheduledAt: at(-60), containers: [] }),
      },
      job(),
      undefined,
    ],
    [
      'a drain while its agent ran',
      {
        ...deleted(-1),
        evidence: evicted({
          ...deleted(-1).evidence,
          containers: [{ name: 'agent', ...ran(137) }],
        }),
      },
      job(),
      undefined,
    ],
  ])('%s', (_name, seen, of, expected) => {
    expect(deletedByUs(evidence(seen.evidence), seen.pod, of, 600)).toBe(expected);
  });
});

test('a Job in short', () => {
  const condition = { type: 'Suspended', status: 'True', message: 'Job suspended' };
  const suspended = {
    spec: { suspend: true, parallelism: 3 },
    status: { conditions: [condition] },
  };
  expect(jobFact(job({ [ENDING]: 'paused', 'clawgym.io/server': 'x' }, suspended))).toEqual({
    ...{ name: 'j', uid: 'uid-j', parallelism: 3, finished: false, suspended: 'Job suspended' },
    ...{ ending: 'paused', deleting: false, mark: 'x' },
  });
  const failed = { status: { conditions: [{ type: 'Failed', status: 'True' }] } };
  expect(jobFact(job({}, failed))).toMatchObject({ finished: true, parallelism: 1 });
  const target = { status: { conditions: [{ type: 'FailureTarget', status: 'True' }] } };
  expect(jobFact(job({}, target)).finished).toBe(false);
});

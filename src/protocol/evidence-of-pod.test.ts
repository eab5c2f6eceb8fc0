import { describe, expect, test } from 'vitest';
import { type EvidenceOptions, evidenceOfPod, zPodForEvidence } from './evidence-of-pod.ts';
import { zPodEvidence } from './pod-evidence.ts';

const STARTED = '2026-03-01T10:00:05Z';
const FINISHED = '2026-03-01T10:00:15Z';
const running = { running: { startedAt: STARTED } };
const waiting = (reason: string) => ({ waiting: { reason, message: 'back-off' } });
const ended = (exitCode: number, reason: string, more: object = {}) => ({
  terminated: {
    exitCode,
    reason,
    startedAt: STARTED,
    finishedAt: FINISHED,
    containerID: 'containerd://1',
    ...more,
  },
});
const status = (name: string, state: object, more: object = {}) => ({
  name,
  state,
  lastState: {},
  ready: false,
  restartCount: 0,
  image: 'runner',
  imageID: '',
  ...more,
});
const scheduled = { type: 'PodScheduled', status: 'True', lastTransitionTime: STARTED };
const target = (reason: string) => ({ type: 'DisruptionTarget', status: 'True', reason });

interface Given {
  readonly phase?: string;
  readonly stage?: object;
  readonly companion?: object;
  readonly agent?: object;
  readonly conditions?: readonly object[];
  readonly status?: object;
  readonly metadata?: object;
}

function pod(given: Given): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'job-3-abcde',
      namespace: 'runs',
      uid: 'pod-uid',
      labels: { 'batch.kubernetes.io/job-completion-index': '3' },
      annotations: { 'batch.kubernetes.io/job-completion-index': '3' },
      ownerReferences: [
        { apiVersion: 'v1', kind: 'Friend', name: 'x', uid: 'y' },
        { apiVersion: 'batch/v1', kind: 'Job', name: 'job', uid: 'job-uid', controller: true },
      ],
      ...given.metadata,
    },
    spec: { nodeName: 'node-1', containers: [] },
    status: {
      phase: given.phase ?? 'Running',
      conditions: [scheduled, ...(given.conditions ?? [])],
      initContainerStatuses: [
        status('stage', given.stage ?? ended(0, 'Completed')),
        status('companion', given.companion ?? running),
      ],
      containerStatuses: [status('agent', given.agent ?? running)],
      ...given.status,
    },
  };
}

const KEPT: EvidenceOptions = { gone: false };
const read = (raw: object, options = KEPT) => evidenceOfPod(zPodForEvidence.parse(raw), options);
/** The evidence about one container of the pod. */
const container = (given: Given, name: string) =>
  read(pod(given))?.containers.find((each) => each.name === name);

test('a finished rollout, whole', () => {
  const raw = pod({
    phase: 'Succeeded',
    companion: ended(0, 'Completed'),
    agent: ended(0, 'Completed'),
  });
  const completed = {
    state: 'terminated',
    terminated: { exitCode: 0, reason: 'Completed', startedAt: STARTED, finishedAt: FINISHED },
  };
  const evidence = read(raw);
  expect(JSON.parse(JSON.stringify(evidence))).toStrictEqual({
    podUid: 'pod-uid',
    podName: 'job-3-abcde',
    jobName: 'job',
    jobUid: 'job-uid',
    index: 3,
    phase: 'Succeeded',
    gone: false,
    nodeName: 'node-1',
    scheduledAt: STARTED,
    containers: [
      { name: 'stage', ...completed },
      { name: 'companion', ...completed },
      { name: 'agent', ...completed },
    ],
  });
  expect(() => zPodEvidence.parse(JSON.parse(JSON.stringify(evidence)))).not.toThrow();
});

describe('the end of a container', () => {
  test.each<[string, Given, object]>([
    [
      'out of memory, the agent alive (cgroup v1)',
      { agent: ended(0, 'OOMKilled') },
      { exitCode: 0, reason: 'OOMKilled' },
    ],
    [
      'out of memory, the container dead',
      { agent: ended(137, 'OOMKilled') },
      { exitCode: 137, reason: 'OOMKilled' },
    ],
    [
      'a signal',
      { agent: ended(143, 'Error', { signal: 15 }) },
      { exitCode: 143, reason: 'Error', signal: 15 },
    ],
  ])('%s', (_name, given, wanted) => {
    expect(container(given, 'agent')).toEqual({
      name: 'agent',
      state: 'terminated',
      terminated: { startedAt: STARTED, finishedAt: FINISHED, ...wanted },
    });
  });

  test.each(['StartError', 'ContainerCannotRun'])(
    'that never ran (%s) has no start: the runtime says 1970',
    (reason) => {
      const epoch = '1970-01-01T00:00:00Z';
      const agent = ended(128, reason, { startedAt: epoch, message: 'exec: not found' });
      expect(container({ agent }, 'agent')?.terminated).toEqual({
        exitCode: 128,
        reason,
        finishedAt: FINISHED,
      });
    },
  );

  test('that nobody saw (node came back) has no times: the API server says null', () => {
    const unknown = ended(137, 'ContainerStatusUnknown', { startedAt: null, finishedAt: null });
    expect(container({ phase: 'Failed', agent: unknown }, 'agent')?.terminated).toEqual({
      exitCode: 137,
      reason: 'ContainerStatusUnknown',
    });
  });
});

describe('a container that waits', () => {
  test.each([
    'ImagePullBackOff',
    'ErrImagePull',
    'CreateContainerError',
    'CreateContainerConfigError',
    'PodInitializing',
  ])('keeps its reason %s', (waitingReason) => {
    expect(container({ phase: 'Pending', agent: waiting(waitingReason) }, 'agent')).toEqual({
      name: 'agent',
      state: 'waiting',
      waitingReason,
    });
  });

  test('to be started again shows its last end', () => {
    const raw = pod({ phase: 'Pending' });
    const again = status('companion', waiting('CrashLoopBackOff'), {
      lastState: ended(1, 'Error'),
    });
    Object.assign(raw, {
      status: { phase: 'Pending', initContainerStatuses: [again], conditions: null },
    });
    expect(read(raw)?.containers).toEqual([
      {
        name: 'companion',
        state: 'waiting',
        waitingReason: 'CrashLoopBackOff',
        terminated: { exitCode: 1, reason: 'Error', startedAt: STARTED, finishedAt: FINISHED },
      },
    ]);
  });
});

describe('what ended the pod', () => {
  test.each<[string, Given, object]>([
    [
      'its own disk use, one volume',
      {
        phase: 'Failed',
        status: {
          reason: 'Evicted',
          message: 'Usage of EmptyDir volume "workspace" exceeds the limit "64Mi". ',
        },
      },
      {
        phase: 'Failed',
        reason: 'Evicted',
        message: 'Usage of EmptyDir volume "workspace" exceeds the limit "64Mi".',
        disruption: undefined,
      },
    ],
    [
      'its own disk use, the pod',
      {
        phase: 'Failed',
        status: {
          reason: 'Evicted',
          message:
            'Pod ephemeral local storage usage exceeds the total limit of containers 496Mi. ',
        },
      },
      {
        reason: 'Evicted',
        message: 'Pod ephemeral local storage usage exceeds the total limit of containers 496Mi.',
      },
    ],
    [
      'its own disk use, a container',
      {
        phase: 'Failed',
        status: {
          reason: 'Evicted',
          message: 'Container agent exceeded its local ephemeral storage limit "32Mi". ',
        },
      },
      { message: 'Container agent exceeded its local ephemeral storage limit "32Mi".' },
    ],
    [
      'node pressure',
      {
        phase: 'Failed',
        status: { reason: 'Evicted', message: 'The node was low on resource: memory.' },
        conditions: [target('TerminationByKubelet')],
      },
      { reason: 'Evicted', disruption: 'TerminationByKubelet' },
    ],
    ...[
      'PreemptionByScheduler',
      'DeletionByTaintManager',
      'EvictionByEvictionAPI',
      'DeletionByPodGC',
    ].map((reason): [string, Given, object] => [
      reason,
      { conditions: [target(reason)] },
      { disruption: reason },
    ]),
    [
      'a disruption that says no reason',
      { conditions: [{ type: 'DisruptionTarget', status: 'True' }] },
      { disruption: 'Unknown' },
    ],
    [
      'a disruption that was taken back',
      { conditions: [{ ...target('PreemptionByScheduler'), status: 'False' }] },
      { disruption: undefined },
    ],
    [
      'its deadline',
      {
        phase: 'Failed',
        status: {
          reason: 'DeadlineExceeded',
          message: 'Pod was active on the node longer than the specified deadline',
        },
      },
      { phase: 'Failed', reason: 'DeadlineExceeded' },
    ],
    [
      'a deletion',
      { metadata: { deletionTimestamp: FINISHED, deletionGracePeriodSeconds: 214 } },
      { phase: 'Running', deletedAt: FINISHED },
    ],
    [
      'a lost node: deleted, and nothing moves any more',
      {
        status: { reason: 'NodeLost' },
        metadata: { deletionTimestamp: FINISHED },
        conditions: [target('DeletionByTaintManager'), { type: 'Ready', status: 'False' }],
      },
      { deletedAt: FINISHED, disruption: 'DeletionByTaintManager', reason: 'NodeLost' },
    ],
  ])('%s', (_name, given, wanted) => {
    expect(read(pod(given))).toMatchObject(wanted);
  });

  test('we, and the object is gone', () => {
    const evidence = read(pod({}), { gone: true, deletedByUs: 'paused' });
    expect(evidence).toMatchObject({ gone: true, deletedByUs: 'paused' });
  });
});

describe('a pod that has hardly begun', () => {
  test('no node, no containers', () => {
    const raw = {
      ...pod({}),
      spec: { containers: [] },
      status: {
        phase: 'Pending',
        conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }],
      },
    };
    const evidence = read(raw);
    expect(evidence).toMatchObject({ phase: 'Pending', containers: [] });
    expect([evidence?.nodeName, evidence?.scheduledAt]).toEqual([undefined, undefined]);
  });

  test('no status at all, or a phase of the future', () => {
    expect(read({ ...pod({}), status: undefined })).toMatchObject({ phase: 'Unknown' });
    expect(read(pod({ phase: 'Dreaming' }))).toMatchObject({ phase: 'Unknown' });
  });
});

test('a message is one bounded line', () => {
  const message = `first\nsecond \u001b[31m${'x'.repeat(4000)}`;
  const kept = read(pod({ status: { message } }))?.message ?? '';
  expect(kept).toMatch(/^first second \\u\{1b\}\[31mx+…$/);
  expect(kept.length).toBe(1024);
});

describe('a pod that no Indexed Job controls gives nothing', () => {
  const annotations = { 'batch.kubernetes.io/job-completion-index': '3' };
  const job = { kind: 'Job', name: 'job', uid: 'job-uid', controller: true };
  test.each<[string, object]>([
    ['nobody', { ownerReferences: null }],
    ['an owner that is no controller', { ownerReferences: [{ ...job, controller: false }] }],
    ['another kind', { ownerReferences: [{ ...job, kind: 'ReplicaSet' }] }],
    ['a Job without indexes', { annotations: null, ownerReferences: [job] }],
    ...['', '-1', '1.5', 'x', '12345678901'].map((odd): [string, object] => [
      `index '${odd}'`,
      { annotations: { 'batch.kubernetes.io/job-completion-index': odd } },
    ]),
  ])('%s', (_name, metadata) => {
    expect(read(pod({ metadata: { annotations, ...metadata } }))).toBeUndefined();
  });
});

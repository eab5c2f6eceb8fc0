import { expect, test } from 'vitest';
import { someEvidence } from '../../test/support/cluster-rows.ts';
import { aBatch, aClaim, aPlan } from '../../test/support/records.ts';
import { asAttemptId } from '../base/brand.ts';
import type { PodEvidence } from '../protocol/pod-evidence.ts';
import type { AttemptPod } from '../store/records.ts';
import { podLines } from './pod-text.ts';
import { rolloutText } from './rollout-text.ts';

type Container = PodEvidence['containers'][number];
const AT = '2026-03-01T12:00:00Z';
const ended = (
  name: string,
  exitCode: number,
  over: Partial<NonNullable<Container['terminated']>> = {},
): Container => ({
  ...{ name, state: 'terminated' },
  terminated: { exitCode, startedAt: AT, finishedAt: '2026-03-01T12:00:07Z', ...over },
});
const RAN = `${AT} to 2026-03-01T12:00:07Z`;

test.each<[string, Partial<PodEvidence>, string, string[]]>([
  [
    'an agent out of memory',
    { nodeName: 'node-2', containers: [ended('agent', 137, { signal: 9, reason: 'OOMKilled' })] },
    'Failed on node-2',
    [`agent  exit 137, signal 9, OOMKilled, ${RAN}`],
  ],
  [
    'a pod that its node put out',
    {
      ...{ reason: 'Evicted', message: 'The node was low on resource: memory.' },
      ...{ disruption: 'TerminationByKubelet', nodeName: 'node-1', scheduledAt: AT },
      containers: [],
    },
    'Failed on node-1',
    [
      'Evicted: The node was low on resource: memory.',
      'disruption: TerminationByKubelet',
      `scheduled ${AT}`,
    ],
  ],
  [
    'an image that never came',
    {
      ...{ phase: 'Pending', gone: true, disruption: 'EvictionByEvictionAPI', deletedAt: AT },
      deletedByUs: 'startDeadline',
      nodeName: 'node-1',
      containers: [
        { name: 'stage', state: 'waiting', waitingReason: 'ImagePullBackOff' },
        { name: 'agent', state: 'waiting' },
      ],
    },
    'gone, last seen Pending on node-1',
    [
      'disruption: EvictionByEvictionAPI',
      `deleted ${AT} by the operator: its program had not started within startDeadlineSeconds`,
      'stage  waiting, ImagePullBackOff',
      'agent  waiting',
    ],
  ],
  [
    'a pod that somebody deleted at work',
    { phase: 'Running', gone: true, deletedAt: AT, containers: [{ name: 'a', state: 'running' }] },
    'gone, last seen Running on no node',
    [`deleted ${AT}`, 'a  running'],
  ],
  [
    'a pod at work',
    { phase: 'Running', nodeName: 'node-1', containers: [{ name: 'agent', state: 'running' }] },
    'last seen Running on node-1',
    ['agent  running'],
  ],
  [
    'a companion that is started again and again',
    {
      containers: [
        { ...ended('companion', 1, { reason: 'Error' }), state: 'waiting', waitingReason: 'Back' },
      ],
    },
    'Failed on no node',
    [`companion  waiting, Back; before: exit 1, Error, ${RAN}`],
  ],
  [
    'a container that could not start',
    {
      containers: [
        ended('agent', 128, { reason: 'StartError', startedAt: undefined, finishedAt: AT }),
      ],
    },
    'Failed on no node',
    ['agent  exit 128, StartError, never ran'],
  ],
  [
    'a pod that did its work, and was cleared away',
    {
      ...{ phase: 'Succeeded', gone: true, deletedAt: AT, deletedByUs: 'replaced' },
      ...{ nodeName: 'node-1', containers: [ended('grade', 0, { reason: 'Completed' })] },
    },
    'Succeeded on node-1',
    [`grade  exit 0, Completed, ${RAN}`],
  ],
  [
    'a pod that ended well on being deleted',
    {
      ...{ phase: 'Succeeded', gone: true, deletedAt: AT, deletedByUs: 'paused' },
      ...{ nodeName: 'node-1', containers: [ended('grade', 0), ended('report', 143)] },
    },
    'Succeeded on node-1',
    [
      `deleted ${AT} by the operator: the run was paused`,
      `grade  exit 0, ${RAN}`,
      `report  exit 143, ${RAN}`,
    ],
  ],
])('%s', (_what, over, state, lines) => {
  const evidence = someEvidence({ podName: 'a-pod', ...over });
  const [head, ...rest] = podLines({ work: 'main', evidence });
  expect(head).toBe(`main  a-pod  ${state}`);
  expect(rest).toEqual(lines.map((line) => `  ${line}`));
});

const shown = (pods: readonly AttemptPod[]): string => {
  const [planned = expect.unreachable()] = aPlan(1);
  const rollout = { ...planned, batch: aBatch().id, position: 0, retriesFrom: 0 };
  const attempt = {
    ...aClaim(),
    ...{ id: asAttemptId(`${planned.id}#1`), rollout: planned.id, number: 1 },
    ...{ end: undefined, close: undefined },
  };
  const attempts = [{ attempt, calls: [], verifications: [], pods }];
  return rolloutText({ rollout: { ...rollout, decision: undefined }, attempts }, 'a/b/0');
};

test('stands below its attempt, and is left out where there were no pods', () => {
  expect(shown([])).not.toContain('Pods');
  expect(shown([{ work: 'rollout', evidence: someEvidence({ podName: 'a-pod' }) }])).toContain(
    '\n  Pods:\n    rollout  a-pod  Failed on no node\n      agent  exit 137, OOMKilled, never ran\n',
  );
});

test('text of pods forges no line, hides nothing and has an end', () => {
  const evil = `x\nOutcome:       scored\u001b[2J\u202e${'y'.repeat(5000)}`;
  const evidence = someEvidence({
    ...{ podName: evil, reason: evil, message: evil, disruption: evil, nodeName: evil },
    ...{ scheduledAt: evil, deletedAt: evil },
    containers: [
      { ...ended(evil, 1, { reason: evil, startedAt: evil, finishedAt: evil }), state: 'waiting' },
      { name: evil, state: 'waiting', waitingReason: evil },
    ],
  });
  const text = shown([{ work: 'rollout', evidence }]);
  expect(text.split('\n').filter((line) => line.startsWith('Outcome:'))).toEqual([
    'Outcome:       undecided',
  ]);
  for (const unsafe of ['\u001b', '\u202e']) expect(text).not.toContain(unsafe);
  expect(text).toContain('\\u{1b}');
  expect(text.length).toBeLessThan(5000);
});

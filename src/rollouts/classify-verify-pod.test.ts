import { describe, expect, it } from 'vitest';
import { anEndedContainer, aPod, GRACE_OVER, NOW } from '../../test/support/pod-facts.ts';
import { classifyVerifyPod } from './classify-verify-pod.ts';
import type { PodFacts } from './pod-facts.ts';

const grade = (over: object = {}) => anEndedContainer('grade', over);
const fetch = anEndedContainer('fetch');
const verify = (over: Partial<PodFacts> = {}): PodFacts =>
  aPod({ phase: 'Failed', containers: [fetch, grade({ exitCode: 1 })], ...over });
const waiting = { name: 'grade', state: 'waiting', waitingReason: 'PodInitializing' } as const;
const open = { settled: false, problem: undefined, verifierSeconds: 90, now: NOW };
const crash = (words: string) => ({ class: 'crash', message: expect.stringContaining(words) });

describe('a verify pod without a verdict', () => {
  it.each<[string, PodFacts | undefined, object, object]>([
    ['has one after all', verify(), { settled: true }, { class: 'settled' }],
    ['vanished', undefined, {}, { class: 'disruption', reason: 'EvidenceLost' }],
    [
      'runs',
      verify({ phase: 'Running', containers: [fetch, { name: 'grade', state: 'running' }] }),
      {},
      { class: 'running' },
    ],
    [
      'had nothing to do',
      verify({ containers: [anEndedContainer('fetch', { exitCode: 42 })] }),
      {},
      { class: 'unclaimed' },
    ],
    [
      'was taken by the node',
      verify({ disruption: 'TerminationByKubelet' }),
      {},
      { class: 'disruption', reason: 'TerminationByKubelet' },
    ],
    [
      'was deleted by another',
      verify({ gone: true, deletedAt: GRACE_OVER }),
      {},
      { class: 'disruption', reason: 'PodDeleted' },
    ],
    ['was paused', verify({ deletedByUs: 'paused' }), {}, { class: 'cancelled', reason: 'Paused' }],
    [
      'could not fetch',
      verify({ containers: [anEndedContainer('fetch', { exitCode: 1 }), waiting] }),
      {},
      { class: 'infra_error', reason: 'FetchFailed' },
    ],
    [
      'was refused by its node',
      verify({ reason: 'OutOfcpu', containers: [] }),
      {},
      { class: 'disruption', reason: 'OutOfcpu' },
    ],
    [
      'could not start grade',
      verify({
        containers: [fetch, grade({ exitCode: 128, reason: 'StartError', startedAt: undefined })],
      }),
      {},
      { class: 'infra_error', reason: 'StartError' },
    ],
    [
      'was killed for memory',
      verify({ containers: [fetch, grade({ exitCode: 137, reason: 'OOMKilled' })] }),
      {},
      crash('memory'),
    ],
    ['ended non-zero', verify(), {}, crash('exit code 1')],
    [
      'filled its disk',
      verify({
        reason: 'Evicted',
        message: 'Usage of EmptyDir volume "scratch" exceeds the limit "64Mi". ',
      }),
      {},
      crash('EmptyDir'),
    ],
    [
      'filled its disk and was deleted afterwards',
      verify({
        reason: 'Evicted',
        message: 'Usage of EmptyDir volume "scratch" exceeds the limit "64Mi". ',
        containers: [fetch, waiting],
        gone: true,
        deletedAt: GRACE_OVER,
      }),
      {},
      crash('EmptyDir'),
    ],
    [
      'ran to its deadline',
      verify({ reason: 'DeadlineExceeded' }),
      {},
      { class: 'timeout', message: expect.stringContaining('deadline') },
    ],
    [
      'began too late for its pod',
      verify({ reason: 'DeadlineExceeded' }),
      { verifierSeconds: 91 },
      { class: 'infra_error', reason: 'PodDeadline' },
    ],
    [
      'wrote nothing valid',
      verify({ phase: 'Succeeded', containers: [fetch, grade()] }),
      { problem: 'the verdict is not JSON' },
      crash('not JSON'),
    ],
    [
      'lost its verdict',
      verify({ phase: 'Succeeded', containers: [fetch, grade()] }),
      {},
      { class: 'infra_error', reason: 'VerdictNeverArrived' },
    ],
  ])('that %s', (_name, pod, facts, expected) => {
    expect(classifyVerifyPod(pod, { ...open, ...facts })).toEqual(expected);
  });
});

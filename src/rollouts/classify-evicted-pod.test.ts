import { describe, expect, it } from 'vitest';
import { anEndedContainer, aPod, GRACE_OVER, NOW } from '../../test/support/pod-facts.ts';
import { classifyRolloutPod } from './classify-pod.ts';
import type { PodFacts } from './pod-facts.ts';

const OWN_USE = 'Usage of EmptyDir volume "workspace" exceeds the limit "64Mi". ';
const agent = (over: object = {}) => anEndedContainer('agent', over);
const stage = anEndedContainer('stage');
const evicted = (over: Partial<PodFacts> = {}): PodFacts =>
  aPod({
    ...{ phase: 'Failed', reason: 'Evicted', message: OWN_USE },
    containers: [stage, anEndedContainer('companion'), agent({ exitCode: 9 })],
    ...over,
  });

describe('a rollout pod that kubelet evicted for its own disk use', () => {
  it.each<[string, PodFacts, object]>([
    ...[
      'Usage of EmptyDir volume "workspace" exceeds the limit "64Mi". ',
      'Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. ',
      'Container agent exceeded its local ephemeral storage limit "64Mi". ',
    ].map((message): [string, PodFacts, object] => [
      `is the agent's doing: ${message}`,
      evicted({ message }),
      { class: 'agent_error', reason: 'DiskLimit', message },
    ]),
    ...(
      [
        ['though it was deleted afterwards', { gone: true, deletedAt: GRACE_OVER }],
        ['though its node was lost afterwards', { deletedAt: GRACE_OVER }],
        [
          'though a status was lost',
          { containers: [stage, agent({ exitCode: 137, reason: 'ContainerStatusUnknown' })] },
        ],
        [
          'though a start was lost',
          { containers: [stage, agent({ exitCode: 137, startedAt: undefined })] },
        ],
      ] as const
    ).map(([name, over]): [string, PodFacts, object] => [
      `is the agent's doing ${name}`,
      evicted(over),
      { class: 'agent_error', reason: 'DiskLimit', message: OWN_USE },
    ]),
    [
      'is not where the turn of the agent never came',
      evicted({
        containers: [
          anEndedContainer('stage', { exitCode: 1 }),
          { name: 'agent', state: 'waiting', waitingReason: 'PodInitializing' },
        ],
      }),
      { class: 'infra_error', reason: 'StageFailed' },
    ],
    [
      'is not asked about where we deleted it',
      evicted({ deletedByUs: 'paused' }),
      { class: 'cancelled', reason: 'Paused' },
    ],
  ])('%s', (_name, pod, expected) => {
    const facts = { ended: false, modelLost: undefined, held: undefined, budgetEnded: false };
    expect(classifyRolloutPod(pod, { ...facts, agentSeconds: 90, now: NOW })).toEqual(expected);
  });
});

import { describe, expect, it } from 'vitest';
import { anEndedContainer, aPod, GRACE_OVER, NOW } from '../../test/support/pod-facts.ts';
import { classifyRolloutPod, type RolloutPodFacts } from './classify-pod.ts';
import type { PodFacts } from './pod-facts.ts';

const open: RolloutPodFacts = {
  ended: false,
  modelLost: undefined,
  held: undefined,
  budgetEnded: false,
  agentSeconds: 90,
  now: NOW,
};
const held = (workspace: 'present' | 'refused' | 'missing'): Partial<RolloutPodFacts> => ({
  held: { workspace },
});
const agent = (over: object = {}) => anEndedContainer('agent', over);
const stage = anEndedContainer('stage');
const companion = anEndedContainer('companion');
const rollout = (over: Partial<PodFacts> = {}): PodFacts =>
  aPod({ phase: 'Failed', containers: [stage, companion, agent({ exitCode: 9 })], ...over });
const running = { name: 'agent', state: 'running' } as const;
const waiting = (waitingReason: string, name = 'agent') =>
  ({ name, state: 'waiting', waitingReason }) as const;

describe('a rollout pod, by the rows of rollouts.md 5', () => {
  it.each<[string, PodFacts | undefined, Partial<RolloutPodFacts>, object]>([
    ['its rows say it', rollout(), { ended: true }, { class: 'ended' }],
    [
      'its rows win over a disruption',
      rollout({ disruption: 'PreemptionByScheduler' }),
      { ended: true },
      { class: 'ended' },
    ],
    [
      'a used-up budget',
      rollout(),
      { ...held('present'), budgetEnded: true },
      { class: 'end', agent: { exitCode: 9, signal: null, reason: 'Budget', seconds: 90 } },
    ],
    ...(
      [
        ['before the link was lost', rollout(), { modelLost: 'LinkLost' }],
        ['before we deleted it', rollout({ deletedByUs: 'paused', deletedAt: GRACE_OVER }), {}],
        ['before it was pre-empted', rollout({ disruption: 'PreemptionByScheduler' }), {}],
      ] as const
    ).map(([name, pod, facts]): [string, PodFacts, object, object] => [
      `a used-up budget ${name}`,
      pod,
      { ...held('present'), budgetEnded: true, ...facts },
      { class: 'end', agent: { exitCode: 9, signal: null, reason: 'Budget', seconds: 90 } },
    ]),
    [
      'a used-up budget of a pod that vanished',
      undefined,
      { ...held('present'), budgetEnded: true },
      { class: 'end', agent: { exitCode: null, signal: 'SIGKILL', reason: 'Budget', seconds: 0 } },
    ],
    [
      'a used-up budget of a pod that goes on',
      rollout({ phase: 'Running', containers: [stage, running] }),
      { ...held('present'), budgetEnded: true },
      { class: 'running' },
    ],
    [
      'a failed endpoint, which may have used the budget up',
      rollout(),
      { ...held('present'), budgetEnded: true, modelLost: 'UpstreamFailed' },
      { class: 'infra_error', reason: 'UpstreamFailed' },
    ],
    [
      'a budget without a workspace is no result',
      rollout(),
      { budgetEnded: true },
      { class: 'infra_error', reason: 'SnapshotNeverArrived' },
    ],
    [
      'a lost link',
      rollout(),
      { modelLost: 'LinkLost' },
      { class: 'infra_error', reason: 'LinkLost' },
    ],
    [
      'a failed upstream',
      undefined,
      { modelLost: 'UpstreamFailed' },
      { class: 'infra_error', reason: 'UpstreamFailed' },
    ],
    ...(['paused', 'parallelism', 'deadline', 'replaced', 'deleted'] as const).map(
      (deletedByUs): [string, PodFacts, object, object] => [
        `deleted by us: ${deletedByUs}`,
        rollout({ deletedByUs, deletedAt: GRACE_OVER, disruption: 'DeletionByPodGC' }),
        {},
        { class: 'cancelled', reason: expect.stringMatching(/^[A-Z]/) },
      ],
    ),
    [
      'not started in time',
      rollout({ deletedByUs: 'startDeadline', disruption: 'EvictionByEvictionAPI' }),
      {},
      { class: 'infra_error', reason: 'StartDeadline' },
    ],
    [
      'pre-empted',
      rollout({ disruption: 'PreemptionByScheduler' }),
      {},
      { class: 'disruption', reason: 'PreemptionByScheduler' },
    ],
    [
      'node pressure, succeeded on SIGTERM',
      rollout({ phase: 'Succeeded', disruption: 'TerminationByKubelet' }),
      {},
      { class: 'disruption', reason: 'TerminationByKubelet' },
    ],
    [
      'a held workspace does not make a disruption a result',
      rollout({ disruption: 'TerminationByKubelet' }),
      held('present'),
      { class: 'disruption', reason: 'TerminationByKubelet' },
    ],
    [
      'deleted by another',
      rollout({ gone: true, deletedAt: GRACE_OVER }),
      {},
      { class: 'disruption', reason: 'PodDeleted' },
    ],
    [
      'gone while it ran',
      rollout({ phase: 'Running', gone: true, containers: [stage, running] }),
      {},
      { class: 'disruption', reason: 'PodDeleted' },
    ],
    ['vanished without evidence', undefined, {}, { class: 'disruption', reason: 'EvidenceLost' }],
    [
      'a node that came back',
      rollout({ containers: [stage, agent({ exitCode: 137, reason: 'ContainerStatusUnknown' })] }),
      {},
      { class: 'disruption', reason: 'ContainerStatusUnknown' },
    ],
    [
      'a lost node',
      rollout({ phase: 'Running', deletedAt: GRACE_OVER, containers: [stage, running] }),
      {},
      { class: 'disruption', reason: 'NodeLost' },
    ],
    [
      'an eviction that names no own use',
      rollout({ reason: 'Evicted', message: 'The node was low on resource: memory.' }),
      {},
      { class: 'disruption', reason: 'Evicted' },
    ],
    [
      'stage failed',
      rollout({
        containers: [anEndedContainer('stage', { exitCode: 1 }), waiting('PodInitializing')],
      }),
      {},
      { class: 'infra_error', reason: 'StageFailed' },
    ],
    [
      'companion failed before the agent',
      rollout({
        containers: [
          stage,
          anEndedContainer('companion', { exitCode: 3 }),
          waiting('PodInitializing'),
        ],
      }),
      {},
      { class: 'infra_error', reason: 'CompanionFailed' },
    ],
    [
      'agent could not start',
      rollout({
        containers: [
          stage,
          companion,
          agent({ exitCode: 128, reason: 'StartError', startedAt: '1970-01-01T00:00:00Z' }),
        ],
      }),
      {},
      { class: 'infra_error', reason: 'StartError' },
    ],
    [
      'agent container not made',
      rollout({ containers: [stage, companion, waiting('CreateContainerError')] }),
      {},
      { class: 'infra_error', reason: 'CreateContainerError' },
    ],
    [
      'agent without a start',
      rollout({ containers: [stage, agent({ exitCode: 137, startedAt: undefined })] }),
      {},
      { class: 'infra_error', reason: 'Error' },
    ],
    [
      'image not pulled',
      rollout({ containers: [waiting('ImagePullBackOff', 'stage'), waiting('PodInitializing')] }),
      {},
      { class: 'infra_error', reason: 'ImagePullBackOff' },
    ],
    ...[
      'OutOfcpu',
      'OutOfmemory',
      'OutOfpods',
      'OutOfephemeral-storage',
      'NodeAffinity',
      'UnexpectedAdmissionError',
      'NodeShutdown',
    ].map((reason): [string, PodFacts, object, object] => [
      `refused by its node: ${reason}`,
      rollout({ reason, containers: [waiting('PodInitializing')] }),
      {},
      { class: 'disruption', reason },
    ]),
    [
      'refused for what it asks',
      rollout({ reason: 'SysctlForbidden', containers: [] }),
      {},
      { class: 'infra_error', reason: 'SysctlForbidden' },
    ],
    [
      'words of a refusal where its agent ran',
      rollout({ reason: 'NodeShutdown' }),
      {},
      { class: 'infra_error', reason: 'SnapshotNeverArrived' },
    ],
    [
      'deadline before the start',
      rollout({ reason: 'DeadlineExceeded', containers: [waiting('PodInitializing')] }),
      {},
      { class: 'infra_error', reason: 'StartDeadline' },
    ],
    [
      'stage: decided already',
      rollout({ containers: [anEndedContainer('stage', { exitCode: 42 })] }),
      {},
      { class: 'unclaimed' },
    ],
    [
      'stage: waits',
      rollout({ containers: [anEndedContainer('stage', { exitCode: 43 })] }),
      {},
      { class: 'unclaimed' },
    ],
    [
      'exit 0 with a workspace and no valid report',
      rollout({ phase: 'Succeeded', containers: [stage, agent()] }),
      held('present'),
      { class: 'end', agent: { exitCode: 0, signal: null, reason: 'Exited', seconds: 90 } },
    ],
    [
      'group kill for memory',
      rollout({ containers: [stage, agent({ exitCode: 137, reason: 'OOMKilled' })] }),
      held('present'),
      {
        class: 'end',
        agent: { exitCode: null, signal: 'SIGKILL', reason: 'MemoryLimit', seconds: 90 },
      },
    ],
    [
      'a refused workspace',
      rollout(),
      held('refused'),
      { class: 'end', agent: { exitCode: 9, signal: null, reason: 'Exited', seconds: 90 } },
    ],
    [
      'a wrapper that its agent stopped',
      rollout({ containers: [stage, agent({ exitCode: 143 })] }),
      held('present'),
      { class: 'end', agent: { exitCode: 143, signal: null, reason: 'Exited', seconds: 90 } },
    ],
    [
      'deadline of the pod with a workspace',
      rollout({ reason: 'DeadlineExceeded' }),
      held('present'),
      { class: 'end', agent: { exitCode: 9, signal: null, reason: 'Deadline', seconds: 90 } },
    ],
    [
      'deadline of the pod without',
      rollout({ reason: 'DeadlineExceeded' }),
      {},
      expect.objectContaining({ class: 'agent_timeout', reason: 'PodDeadline' }),
    ],
    ...[held('present'), held('missing'), {}].map(
      (facts): [string, PodFacts, Partial<RolloutPodFacts>, object] => [
        'deadline of the pod before that of its agent, which began late',
        rollout({ reason: 'DeadlineExceeded' }),
        { ...facts, agentSeconds: 91 },
        { class: 'infra_error', reason: 'PodDeadline' },
      ],
    ),
    [
      'deadline of the pod after its agent had ended by itself',
      rollout({ reason: 'DeadlineExceeded', containers: [stage, agent()] }),
      { ...held('present'), agentSeconds: 91 },
      { class: 'end', agent: { exitCode: 0, signal: null, reason: 'Exited', seconds: 90 } },
    ],
    [
      'deadline of a pod that vanished: how long its agent ran is not known',
      rollout({ reason: 'DeadlineExceeded', gone: true, containers: [stage, running] }),
      {},
      { class: 'infra_error', reason: 'PodDeadline' },
    ],
    [
      'ended without a workspace',
      rollout({ phase: 'Succeeded', containers: [stage, agent()] }),
      {},
      { class: 'infra_error', reason: 'SnapshotNeverArrived' },
    ],
    [
      'companion failed after the agent: the agent may have made it',
      rollout({ containers: [stage, anEndedContainer('companion', { exitCode: 1 }), agent()] }),
      held('missing'),
      { class: 'infra_error', reason: 'SnapshotNeverArrived' },
    ],
  ])('%s', (_name, pod, facts, expected) => {
    expect(classifyRolloutPod(pod, { ...open, ...facts })).toEqual(expected);
  });

  it.each<[string, Partial<PodFacts>]>([
    ['pending', { phase: 'Pending', containers: [waiting('ContainerCreating')] }],
    ['running', { phase: 'Running', containers: [running] }],
    ['companion at work', { phase: 'Running' }],
    ['terminal phase with a running container', { phase: 'Failed', containers: [running] }],
    [
      'terminating within its grace',
      { phase: 'Running', deletedAt: new Date(NOW + 30_000).toISOString(), containers: [running] },
    ],
    [
      'deleted by us and still there',
      { phase: 'Running', deletedByUs: 'paused', containers: [running] },
    ],
    ['of an unknown state', { phase: 'Unknown', containers: [running] }],
  ])('is not over while it is %s', (_name, over) => {
    expect(classifyRolloutPod(rollout(over), open)).toEqual({ class: 'running' });
  });
});

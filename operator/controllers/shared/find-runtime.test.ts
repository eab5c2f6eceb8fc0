import { expect, it } from 'vitest';
import type { RuntimeRef } from '../../../src/api/runtime-ref.ts';
import { type Answers, answeringClient } from '../../../test/support/answering-client.ts';
import { KubeError } from '../../kube/base/kube-error.ts';
import { findRuntime } from './find-runtime.ts';

const NEAR = '/apis/clawgym.io/v1alpha1/namespaces/team-a/trainingruntimes/';
const FAR = '/apis/clawgym.io/v1alpha1/clustertrainingruntimes/';
const runtime = (kind: string, name: string) => ({
  ...{ apiVersion: 'clawgym.io/v1alpha1', kind, metadata: { name } },
  spec: {
    ...{ contract: 'sft/v1', capabilities: { methods: ['full'] } },
    trainer: { image: `t@sha256:${'a'.repeat(64)}` },
  },
});
const FORBIDDEN = new KubeError('Forbidden', 'you may not');
const ask = (named: RuntimeRef | undefined) =>
  ({ namespace: 'team-a', named, fallback: 'sft', field: 'spec.runtimeRef' }) as const;
const near = (name: string): Answers => ({
  [`${NEAR}${name}`]: runtime('TrainingRuntime', name),
});
const far = (name: string): Answers => ({
  [`${FAR}${name}`]: runtime('ClusterTrainingRuntime', name),
});

it.each<[string, RuntimeRef | undefined, Answers, string]>([
  ["none named: the namespace's first", undefined, { ...near('sft'), ...far('sft') }, 'team-a/sft'],
  ["none named: else the cluster's", undefined, far('sft'), 'ClusterTrainingRuntime sft'],
  [
    'none named, in an installation for single namespaces',
    undefined,
    { ...near('sft'), [`${FAR}sft`]: FORBIDDEN },
    'TrainingRuntime team-a/sft',
  ],
  ['named, of the namespace', { kind: 'TrainingRuntime', name: 'x' }, near('x'), 'team-a/x'],
  ['named, of the cluster', { kind: 'ClusterTrainingRuntime', name: 'x' }, far('x'), 'Cluster'],
])('%s', async (_what, named, answers, place) => {
  const found = await findRuntime(answeringClient(answers), ask(named), {
    signal: new AbortController().signal,
  });
  expect(found).toMatchObject({ spec: { contract: 'sft/v1' } });
  expect(found).toMatchObject({ place: expect.stringContaining(place) });
});

it.each<[string, RuntimeRef | undefined, Answers, string, RegExp]>([
  [
    ...(['none named and none there', undefined, {}, 'RuntimeNotFound'] as const),
    /^namespace team-a has no TrainingRuntime sft, nor a ClusterTrainingRuntime; give the chart/,
  ],
  [
    ...(['none in the namespace, and no right to the others', undefined] as const),
    ...([{ [`${FAR}sft`]: FORBIDDEN }, 'RuntimeNotFound'] as const),
    /^namespace team-a has no TrainingRuntime sft; give the chart its image/,
  ],
  [
    ...(['a name that nothing has', { kind: 'TrainingRuntime', name: 'sft' }] as const),
    ...([far('sft'), 'RuntimeNotFound'] as const),
    /^TrainingRuntime team-a\/sft does not exist; create it, or name another one in spec.runtimeRef$/,
  ],
  [
    ...(['a name that may not be read', { kind: 'ClusterTrainingRuntime', name: 'sft' }] as const),
    ...([{ ...near('sft'), [`${FAR}sft`]: FORBIDDEN }, 'RuntimeForbidden'] as const),
    /may not read ClusterTrainingRuntime sft: it serves single namespaces/,
  ],
])('%s: says so', async (_what, named, answers, reason, message) => {
  const { signal } = new AbortController();
  const { problem } = await findRuntime(answeringClient(answers), ask(named), { signal });
  expect(problem?.reason).toBe(reason);
  expect(problem?.message).toMatch(message);
});

import { expect, it } from 'vitest';
import { SERVER_MARK } from '../../../../src/engines/kubernetes/settings.ts';
import type { PolicyPodState } from '../../../../src/protocol/policy-api.ts';
import { lentPolicy, type PolicyObserved, planPolicy } from './plan-policy.ts';
import { type PolicyPodObject, policyPodFact } from './policy-fact.ts';

const MARK = '10.0.0.1 aaaa';
type Status = NonNullable<PolicyPodObject['status']>;

const pod = (status: Status = {}, mark = MARK, more: object = {}): PolicyPodObject => ({
  ...{ apiVersion: 'v1', kind: 'Pod' },
  metadata: { name: 'p', uid: 'u', annotations: { [SERVER_MARK]: mark }, ...more },
  status,
});
const container = (name: string, state: Record<string, object>) => ({ name, state });
const ended = (name: string, exitCode: number, more: object = {}): Status => ({
  phase: 'Failed',
  containerStatuses: [container(name, { terminated: { exitCode, ...more } })],
});
const running = (name: string): Status => ({
  phase: 'Running',
  initContainerStatuses: [container(name, { running: {} })],
});
const word = (phase: PolicyPodState['phase'], message = ''): PolicyPodState => ({ phase, message });
const step = (object: PolicyPodObject | undefined, more: Partial<PolicyObserved> = {}) => {
  const fact = object && policyPodFact(object, MARK);
  const observed = { model: 'sha256:ab', pod: fact, word: undefined, failed: undefined, ...more };
  const { do: what, served, condition } = planPolicy(observed);
  return [what, served, condition.reason, condition.message] as const;
};

const unplaced: Status = {
  phase: 'Pending',
  conditions: [
    {
      ...{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' },
      message: '0/3 nodes are available: 3 Insufficient nvidia.com/gpu.',
    },
  ],
};
const unpulled: Status = {
  phase: 'Pending',
  containerStatuses: [
    container('policy-server', { waiting: { reason: 'ImagePullBackOff', message: 'no such tag' } }),
  ],
};

type Case = readonly [
  what: string,
  object: PolicyPodObject | undefined,
  more: Partial<PolicyObserved>,
  does: string,
  reason: string,
  message: RegExp,
];
const failed = { words: 'the policy pod failed: OOMKilled', waitMs: 5000 };

it.each<Case>([
  ['no pod', undefined, {}, 'create', 'Starting', /is made/],
  [
    'no pod, soon after a failure',
    undefined,
    { failed },
    'nothing',
    'PodFailed',
    /OOMKilled; another/,
  ],
  [
    ...(['no pod, long after a failure', undefined, { failed: { ...failed, waitMs: 0 } }] as const),
    ...(['create', 'PodFailed', /OOMKilled/] as const),
  ],
  ['a pod that goes', pod({}, MARK, { deletionTimestamp: 'now' }), {}, 'nothing', 'Starting', /./],
  ['a pod that nobody was told of', pod(), {}, 'tell', 'Starting', /the policy pod starts/],
  [
    ...(['a pod that fetches', pod(running('fetch')), { word: word('unheard') }] as const),
    ...(['nothing', 'Starting', /fetches the model$/] as const),
  ],
  [
    ...(['a pod without a node', pod(unplaced), { word: word('unheard') }] as const),
    ...(['nothing', 'Unschedulable', /finds no node: 0\/3 .*nvidia\.com\/gpu/] as const),
  ],
  [
    ...(['an image that is not there', pod(unpulled), { word: word('unheard') }] as const),
    ...(['nothing', 'ImagePullFailing', /container policy-server .*no such tag/] as const),
  ],
  [
    ...(['a server that is asked', pod(), { word: word('proving', 'refused') }] as const),
    ...(['nothing', 'Starting', /answers of the policy server are checked: refused/] as const),
  ],
  [
    ...(['a version that is not taken', pod(), { word: word('loading', 'no room') }] as const),
    ...(['nothing', 'Starting', /: no room$/] as const),
  ],
  [
    ...([
      'a server that answers with the version before and takes no other',
      pod(),
      { word: { phase: 'loading', message: 'status 404', version: 2 } },
    ] as const),
    ...(['delete', 'Starting', /^status 404; another pod is made, which starts with/] as const),
  ],
  [
    'a server that loads the next version',
    pod(running('policy-server')),
    { word: { phase: 'loading', message: '', version: 2 } },
    ...(['nothing', 'Starting', /./] as const),
  ],
  [
    ...(['another model', pod(), { word: word('refused', 'the canary differs') }] as const),
    ...(['nothing', 'CanaryFailed', /^the canary differs$/] as const),
  ],
  [
    ...([
      'a server that crashed',
      pod(ended('policy-server', 2, { message: 'no GPU' })),
      {},
    ] as const),
    ...(['delete', 'PodFailed', /policy-server ended with 2: no GPU/] as const),
  ],
  [
    ...(['a pod that was evicted', pod({ phase: 'Failed', reason: 'Evicted' }), {}] as const),
    ...(['delete', 'PodFailed', /failed: Evicted/] as const),
  ],
  [
    ...(['a pod that knows another server', pod({}, '10.0.0.2 bbbb'), {}] as const),
    ...(['delete', 'Starting', /server has moved/] as const),
  ],
])('%s', (_what, object, more, does, reason, message) => {
  const [what, served, why, words] = step(object, more);
  expect([what, served, why]).toEqual([does, false, reason]);
  expect(words).toMatch(message);
});

it('a pod that was proven serves', () => {
  const said = step(pod(running('report')), { word: word('served') });
  expect(said.slice(0, 3)).toEqual(['nothing', true, 'Served']);
});

it.each<[PolicyPodState['phase'], string, boolean, string, RegExp]>([
  [
    'served',
    '',
    true,
    'Served',
    /^the policy server of TrainingRun rl answers with model sha256:ab/,
  ],
  ['refused', 'the canary differs', false, 'CanaryFailed', /^the canary differs$/],
  ['unheard', '', false, 'Starting', /^the policy server of TrainingRun rl gets ready$/],
  ['loading', 'no room', false, 'Starting', /gets ready: no room$/],
])('of a lent pod that is %s a batch says so', (phase, message, served, reason, words) => {
  const lender = { kind: 'TrainingRun', name: 'rl' };
  const found = lentPolicy({ phase, message }, 'ab'.repeat(32), lender);
  expect(found).toMatchObject({ served, condition: { type: 'ModelServed', reason } });
  expect(found.condition.message).toMatch(words);
});

it('a pod that only waited too long for the server costs no pause', () => {
  const facts = [ended('fetch', 43), ended('fetch', 1), ended('policy-server', 137)];
  const waits = facts.map((status) => policyPodFact(pod(status), MARK).ended?.waits);
  expect(waits).toEqual([true, false, false]);
});

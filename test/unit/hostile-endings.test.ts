import { expect, test } from 'vitest';
import { crashed, type HostileAgent } from '../../bench/support/hostile-agent.ts';
import { type Ended, problemsOf } from '../../bench/support/hostile-endings.ts';

const AGENT: HostileAgent = {
  ...{ name: 'greedy', script: 'exit 0', ...crashed },
  verifications: ['main', 'doubled', 'pristine'],
};
const END: Ended = {
  ...{ outcome: 'scored', reason: '', flat: 0, checks: { asked: 0 }, tries: 1, rollout: 'r' },
  ...{ codes: ['AgentOutputBrokeVerifier'], verifications: ['main', 'doubled', 'pristine'] },
};

test.each<readonly [string, Partial<Ended> | undefined, readonly string[]]>([
  ['as it must', {}, []],
  ['with more findings', { codes: ['AgentOutputBrokeVerifier', 'ChildKilledForMemory'] }, []],
  ['not at all', undefined, ['greedy: no result, cluster']],
  [
    'with a 0 for which nobody looked twice',
    { codes: [], verifications: ['main'] },
    [
      'greedy: no finding AgentOutputBrokeVerifier (none at all), cluster',
      'greedy: verifications main, expected main, doubled, pristine, cluster',
    ],
  ],
  [
    'with verifications that nobody read',
    { verifications: undefined },
    ['greedy: verifications unknown, expected main, doubled, pristine, cluster'],
  ],
  ['at its second try', { tries: 2 }, ['greedy: 2 tries, cluster']],
  [
    'with a score',
    { flat: 1 },
    [
      'greedy: score 1, expected 0, cluster',
      'greedy: [0,{"asked":0}] locally, [1,{"asked":0}] in the cluster',
    ],
  ],
])('an agent that breaks its verifier ends %s', (_how, end, problems) => {
  const cluster = end && { ...END, ...end };
  expect(problemsOf(AGENT, { local: END, cluster }, () => true)).toEqual(problems);
});

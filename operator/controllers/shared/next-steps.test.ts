import { expect, test } from 'vitest';
import { refusalWords } from './next-steps.ts';

const USER = 'User "system:serviceaccount:clawgym:clawgym-operator"';

test.each([
  [
    'a right that is missing',
    'Forbidden',
    `jobs.batch is forbidden: ${USER} cannot create resource "jobs" in API group "batch" in the namespace "a"`,
    /namespace "a"; give the operator its rights back: helm upgrade RELEASE charts\/clawgym /,
  ],
  [
    'a patch that may not be made',
    'Forbidden',
    `networkpolicies.networking.k8s.io "clawgym-deny" is forbidden: ${USER} cannot patch resource "networkpolicies" in API group "networking.k8s.io" in the namespace "a"`,
    /value namespaces$/,
  ],
  [
    'a quota',
    'Forbidden',
    'jobs.batch "r-0" is forbidden: exceeded quota: few, requested: count/jobs.batch=1, used: count/jobs.batch=5, limited: count/jobs.batch=5',
    /limited: count\/jobs\.batch=5; raise that ResourceQuota/,
  ],
  [
    'a quota that wants limits to be named',
    'Forbidden',
    'pods "r-0" is forbidden: failed quota: compute: must specify limits.cpu for: agent',
    /raise that ResourceQuota/,
  ],
  [
    'a namespace that goes',
    'Forbidden',
    'jobs.batch "r-0" is forbidden: unable to create new content in namespace a because it is being terminated',
    /; create the run again in a namespace that stays$/,
  ],
  ['a namespace that is gone', 'NotFound', 'namespaces "a" not found', /that stays$/],
  [
    'the policy of somebody else',
    'Forbidden',
    'admission webhook "policy.example.org" denied the request: no jobs on Sundays.',
    /no jobs on Sundays; put right what the API server names, in the cluster or in a new run/,
  ],
  [
    'an object that it does not take',
    'Invalid',
    'Job.batch "r-0" is invalid: spec.template.spec.priorityClassName: not found',
    /not found; put right what the API server names/,
  ],
])('%s: its own words, and what to do', (_name, code, message, words) => {
  expect(refusalWords({ code, message })).toMatch(words);
});

test('who has the name says already what to do', () => {
  const message = 'Job a/r-0: belongs to nobody, expected …; delete or rename one of the two';
  expect(refusalWords({ code: 'NotOwned', message })).toBe(message);
});

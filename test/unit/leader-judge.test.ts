import { expect, test } from 'vitest';
import { leases } from '../../operator/kube/election/lease.ts';
import { judge } from '../support/leader-judge.ts';
import { logEntries } from '../support/leader-protocol.ts';

const lease = (version: number, holderIdentity: string) =>
  leases.parse({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'leader', resourceVersion: `${version}` },
    spec: { holderIdentity },
  });

const entry = (version: number, writer: string, counter: number, leaseVersion: number, at = 0) =>
  logEntries.parse({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `${writer}-${counter}`, resourceVersion: `${version}` },
    data: { writer, counter: `${counter}`, leaseVersion: `${leaseVersion}`, at: `${at}` },
  });

const HISTORY = [lease(10, 'a'), lease(20, 'a'), lease(100, 'b'), lease(200, ''), lease(205, 'c')];

test('leaders that follow each other are no violation, in whatever order the log is read', () => {
  const log = [entry(110, 'b', 0, 100, 900), entry(25, 'a', 1, 20, 50), entry(12, 'a', 0, 10)];
  expect(judge(log, HISTORY)).toEqual({
    violations: [],
    entries: 3,
    writers: 2,
    releases: 1,
    longestGapMs: 850,
  });
});

test.each([
  [
    'an entry of a after b took the lease',
    [entry(101, 'a', 0, 20)],
    "the lease was 'b' since version 100",
  ],
  ['an entry after the release', [entry(201, 'b', 0, 100)], "the lease was '' since version 200"],
  [
    'an entry of a after b, that nobody watched, proved that it holds the lease',
    [entry(13, 'a', 0, 10), entry(32, 'b', 0, 30), entry(35, 'a', 1, 20)],
    "the lease was 'b' since version 30",
  ],
  [
    'an earlier leader that comes back',
    [entry(13, 'a', 0, 10), entry(32, 'b', 0, 30), entry(42, 'a', 1, 40)],
    'after entries of b',
  ],
  [
    'entries out of their order',
    [entry(13, 'a', 1, 10), entry(14, 'a', 0, 10)],
    'not in its order',
  ],
])('%s is one', (_what, log, violation) => {
  expect(judge(log, HISTORY).violations).toContainEqual(expect.stringContaining(violation));
});

import type { Lease } from '../../operator/kube/election/lease.ts';
import { compareResourceVersions } from '../../operator/kube/objects/resource-version.ts';
import type { LogEntry } from './leader-protocol.ts';

export interface Verdict {
  /** Sentences; empty where at no moment two processes acted as leader. */
  readonly violations: readonly string[];
  readonly entries: number;
  /** Processes that wrote at least once. */
  readonly writers: number;
  /** How often a leader said that nobody holds the lease; one that passed unwatched is not counted. */
  readonly releases: number;
  /** Longest time between two entries that follow each other. */
  readonly longestGapMs: number;
}

interface Hold {
  readonly version: string;
  readonly holder: string;
}

/**
 * Judges the write log of one election in the order in which the API server took the writes. All
 * versions come from one etcd, so that those of leases and log entries can be compared:
 *
 * - each entry was written while the lease was its writer's;
 * - a process that was followed by another one never writes again;
 * - the entries of a process are in its own order.
 */
export function judge(log: readonly LogEntry[], history: readonly Lease[]): Verdict {
  const entries = log.toSorted((a, b) => compareResourceVersions(versionOf(a), versionOf(b)));
  const holds = holdsOf(entries, history);
  const violations: string[] = [];
  const last = new Map<string, number>();
  let writer = '';
  let longestGapMs = 0;
  for (const [index, entry] of entries.entries()) {
    const { writer: by, counter } = entry.data;
    const what = `${entry.metadata.name} (version ${versionOf(entry)}) of ${by}`;
    const hold = holds.findLast(
      ({ version }) => compareResourceVersions(version, versionOf(entry)) < 0,
    );
    if (hold?.holder !== by)
      violations.push(`${what}: the lease was '${hold?.holder}' since version ${hold?.version}`);
    if (by !== writer && last.has(by)) violations.push(`${what}: after entries of ${writer}`);
    if (Number(counter) <= (last.get(by) ?? -1)) violations.push(`${what}: not in its order`);
    last.set(by, Number(counter));
    writer = by;
    const before = entries[index - 1];
    if (before !== undefined)
      longestGapMs = Math.max(longestGapMs, Number(entry.data.at) - Number(before.data.at));
  }
  const releases = holds.filter(({ holder }) => holder === '').length;
  return { violations, entries: entries.length, writers: last.size, releases, longestGapMs };
}

/** Who held the lease from which version on: from what was watched, and from what writers proved. */
function holdsOf(entries: readonly LogEntry[], history: readonly Lease[]): readonly Hold[] {
  const watched = history.map((lease) => ({
    version: lease.metadata.resourceVersion ?? '',
    holder: lease.spec.holderIdentity ?? '',
  }));
  const proven = entries.map(({ data }) => ({ version: data.leaseVersion, holder: data.writer }));
  return [...watched, ...proven].toSorted((a, b) => compareResourceVersions(a.version, b.version));
}

function versionOf(entry: LogEntry): string {
  return entry.metadata.resourceVersion ?? '';
}

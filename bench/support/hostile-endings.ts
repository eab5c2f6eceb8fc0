import type { Results } from '../../src/bench/results.ts';
import type { HostileAgent } from './hostile-agent.ts';

/** How a hostile agent ended: what both engines must agree in, and why. */
export interface Ended {
  readonly outcome: string;
  readonly reason: string;
  readonly flat: number | null;
  readonly checks: Readonly<Record<string, number>>;
  readonly tries: number;
  readonly codes: readonly string[];
  /** For `clawgym show`. */
  readonly rollout: string;
  /** Kinds of the verifications, in order; absent where nobody asked. */
  readonly verifications?: readonly string[] | undefined;
}

/** By the name of the agent, which is its task's id. */
export function endings({ arms }: Results): ReadonlyMap<string, Ended> {
  return new Map(
    arms
      .flatMap(({ tasks }) => tasks)
      .flatMap(({ id, attempts }) =>
        attempts.map(({ outcome, reason, score, checks, tries, findings, rollout }) => {
          const codes = [...new Set(findings.map(({ code }) => code))].toSorted();
          return [
            id,
            { outcome, reason, flat: score.flat, checks, tries, codes, rollout },
          ] as const;
        }),
      ),
  );
}

/** What does not hold of an agent's two ends. */
export function problemsOf(
  agent: HostileAgent,
  ends: { readonly local: Ended | undefined; readonly cluster: Ended | undefined },
  asked: (engine: 'local' | 'cluster') => boolean,
): readonly string[] {
  const engines = (['local', 'cluster'] as const).filter(
    (engine) => asked(engine) && (engine === 'cluster' || agent.clusterOnly !== true),
  );
  const alone = engines.flatMap((engine) => {
    const end = ends[engine];
    if (end === undefined) return [`${agent.name}: no result, ${engine}`];
    return problemOf(agent, end).map((what) => `${agent.name}: ${what}, ${engine}`);
  });
  const { local, cluster } = ends;
  if (local === undefined || cluster === undefined || engines.length < 2) return alone;
  return [...alone, ...differences(agent, local, cluster)];
}

function problemOf(agent: HostileAgent, end: Ended): readonly string[] {
  const { outcome, flat, codes = [], verifications } = agent;
  const expected: readonly string[] = outcome;
  const missing = codes.filter((code) => !end.codes.includes(code));
  const kinds = end.verifications?.join(', ') ?? 'unknown';
  return [
    ...(end.tries === 1 ? [] : [`${end.tries} tries`]),
    ...(expected.includes(end.outcome) ? [] : [`${end.outcome}, expected ${outcome.join(' or ')}`]),
    ...(flat === undefined || !isKept(end) || end.flat === flat
      ? []
      : [`score ${end.flat}, expected ${flat}`]),
    ...missing.map((code) => `no finding ${code} (${end.codes.join(', ') || 'none at all'})`),
    ...(verifications === undefined || kinds === verifications.join(', ')
      ? []
      : [`verifications ${kinds}, expected ${verifications.join(', ')}`]),
  ];
}

/** Kubelet may end a pod for its disk before there is a snapshot. */
const isKept = ({ reason }: Ended): boolean => reason !== 'DiskLimit';
const isRefused = ({ codes }: Ended): boolean => codes.includes('SnapshotRefused');

function differences(agent: HostileAgent, local: Ended, cluster: Ended): readonly string[] {
  const [one, other] = [local, cluster].map((end) => JSON.stringify([end.flat, end.checks]));
  const both = isKept(cluster) && isRefused(local) === isRefused(cluster);
  return [
    ...(agent.outcome.length > 1 || local.outcome === cluster.outcome
      ? []
      : [`${agent.name}: ${local.outcome} locally, ${cluster.outcome} in the cluster`]),
    ...(!both || one === other ? [] : [`${agent.name}: ${one} locally, ${other} in the cluster`]),
  ];
}

import { parseArgs } from 'node:util';
import { stderrLogger } from '../src/cli/stderr-logger.ts';
import type { Cluster } from '../test/cluster/cluster.ts';
import { clusterEnvironment } from '../test/cluster/cluster-environment.ts';
import { API_SERVER } from '../test/cluster/control-plane.ts';
import { startLayer } from '../test/cluster/layers.ts';
import { DEFAULT_LEASE, LeaderArena } from '../test/support/leader-arena.ts';
import type { Verdict } from '../test/support/leader-judge.ts';
import { Claim } from './support/claim.ts';

/**
 * Claim runtime/7: two processes, leases of 3/2/0.5 s, `--handovers N` forced hand-overs (kill -9,
 * SIGSTOP beyond the lease at any moment and at the worst ones, an API server that is away), one by
 * SIGTERM, and beside them one with the default 15/10/2 s: in the write log of the API server never
 * two leaders act at once, and a leader that was stopped and wakes up writes nothing.
 */
const { values } = parseArgs({ options: { handovers: { type: 'string', default: '10' } } });
const wanted = Number(values.handovers);
if (!Number.isInteger(wanted) || wanted < 1)
  throw new Error(`--handovers ${values.handovers}: expected 1 or more`);

/** Most leaders die or are stopped; an outage takes several seconds, so there are fewer. */
const BLOWS = [
  'kill',
  'anywhere',
  'before-send',
  'outage',
  'kill',
  'after-check',
  'anywhere',
  'kill',
  'before-call',
  'anywhere',
] as const;
type Blow = (typeof BLOWS)[number];

const claim = new Claim();
const { cacheDir, env, uid } = clusterEnvironment();
const logger = stderrLogger((line) => void process.stderr.write(line));
const { signal } = new AbortController();
await using owned = await startLayer('apiserver', {}, { cacheDir, env, uid, logger, signal });
const { cluster } = owned;
const [short, usual] = await Promise.all([shortLeases(), defaultLease()]);
claim.check(short.violations.length === 0, short.violations.join('; '));
claim.check(usual.violations.length === 0, `default lease: ${usual.violations.join('; ')}`);
claim.finish(
  `${wanted} hand-overs with 3/2/0.5 s, one with 15/10/2 s, one by SIGTERM in ${short.releaseMs.toFixed(0)} ms: ` +
    `${short.violations.length + usual.violations.length} violations in ${short.entries + usual.entries} writes ` +
    `of ${short.writers + usual.writers} leaders; longest gap ${(short.longestGapMs / 1000).toFixed(1)} s ` +
    `(default lease ${(usual.longestGapMs / 1000).toFixed(1)} s)`,
);

async function shortLeases(): Promise<Verdict & { readonly releaseMs: number }> {
  await using arena = await LeaderArena.open({
    kubeconfig: cluster.kubeconfigPath,
    namespace: 'short-lease',
  });
  for (let index = 0; index < wanted; index += 1) {
    const blow = BLOWS[index % BLOWS.length] ?? 'kill';
    const exitCode = await strike(arena, blow, cluster);
    // Who loses the lease and lives exits with 1.
    const right = exitCode === 1 || (blow === 'kill' && exitCode === null);
    claim.check(right, `hand-over ${index} (${blow}): exit code ${exitCode}`);
  }
  const { from, ms: releaseMs } = await arena.end('SIGTERM');
  claim.check(from.exitCode === 0, `SIGTERM: exit code ${from.exitCode}`);
  const verdict = await arena.verdict();
  // Each blow hits a leader that has written, and waits for entries of the next.
  claim.check(verdict.writers >= wanted + 2, `only ${verdict.writers} leaders wrote`);
  claim.check(verdict.releases >= 1, 'the leader that got SIGTERM did not release the lease');
  return { ...verdict, releaseMs };
}

async function strike(arena: LeaderArena, blow: Blow, on: Cluster): Promise<number | null> {
  const handOver = await {
    kill: () => arena.end('SIGKILL'),
    outage: () =>
      arena.outage({
        stop: () => on.stopProgram(API_SERVER),
        start: () => on.startProgram(API_SERVER),
      }),
    anywhere: () => arena.stop('anywhere'),
    'before-call': () => arena.stop('before-call'),
    'before-send': () => arena.stop('before-send'),
    'after-check': () => arena.stop('after-check'),
  }[blow]();
  process.stderr.write(`${blow}: another leader after ${(handOver.ms / 1000).toFixed(1)} s\n`);
  return handOver.from.exitCode;
}

async function defaultLease(): Promise<Verdict> {
  await using arena = await LeaderArena.open({
    kubeconfig: cluster.kubeconfigPath,
    namespace: 'default-lease',
    tickMs: 200,
    ...DEFAULT_LEASE,
  });
  await arena.stop('anywhere');
  return await arena.verdict();
}

import { describe, expect, test } from 'vitest';
import { API_SERVER } from '../cluster/control-plane.ts';
import { layerCluster } from '../support/layer-cluster.ts';
import { type ArenaOptions, LeaderArena } from '../support/leader-arena.ts';
import type { Verdict } from '../support/leader-judge.ts';
import type { StopPoint } from '../support/leader-protocol.ts';

const cluster = layerCluster();

function open(namespace: string, more: Partial<ArenaOptions> = {}): Promise<LeaderArena> {
  return LeaderArena.open({ kubeconfig: cluster.kubeconfigPath, namespace, ...more });
}

/** At no moment two at once. More than two took turns where a leader lost its lease to a busy host. */
async function twoOrMoreWrote(arena: LeaderArena): Promise<Verdict> {
  const verdict = await arena.verdict();
  expect(verdict.violations).toEqual([]);
  expect(verdict.writers).toBeGreaterThanOrEqual(2);
  return verdict;
}

describe.concurrent('two processes and one lease', () => {
  test('after kill -9 the other one takes over when the lease has run out', async () => {
    await using arena = await open('leaders-kill');
    await arena.end('SIGKILL');
    const { releases } = await twoOrMoreWrote(arena);
    expect(releases).toBe(0);
  });

  test('on SIGTERM the leader releases the lease and exits 0', async () => {
    await using arena = await open('leaders-term');
    const { from } = await arena.end('SIGTERM');
    expect(from.exitCode).toBe(0);
    const { releases } = await twoOrMoreWrote(arena);
    expect(releases).toBeGreaterThanOrEqual(1);
  });

  // At the last point the bytes go out: then only the name of the entry, which is taken, is in their way.
  test.each<[StopPoint | 'anywhere', string | undefined]>([
    ['anywhere', undefined],
    ['before-call', 'LeaseLost'],
    ['before-send', 'LeaseLost'],
    ['after-check', undefined],
  ])(
    'a leader that was stopped beyond its lease (%s) writes nothing when it wakes up',
    async (point, refusal) => {
      await using arena = await open(`leaders-stop-${point}`);
      const { from } = await arena.stop(point);
      expect(from.exitCode).toBe(1);
      expect(from.events).toContainEqual({ type: 'ended', code: 'LeaseLost' });
      if (refusal !== undefined)
        expect(from.events).toContainEqual({ type: 'refused', code: refusal });
      await twoOrMoreWrote(arena);
    },
  );
});

describe.concurrent('the judge', () => {
  test('sees a woken leader write where neither fence nor lock is in its way', async () => {
    await using arena = await open('leaders-unfenced', { fenced: false, locked: false });
    await arena.stop('before-call');
    const { violations } = await arena.verdict();
    expect(violations).not.toEqual([]);
  });

  test('sees what a fence without a lock cannot stop: bytes that were on their way', async () => {
    await using arena = await open('leaders-unlocked', { locked: false });
    await arena.stop('after-check');
    const { violations } = await arena.verdict();
    expect(violations).not.toEqual([]);
  });
});

// Takes the API server away, so that nothing else may run.
test('a leader that cannot reach the API server ends; the next begins when it is back', async () => {
  await using arena = await open('leaders-outage');
  const { from } = await arena.outage({
    stop: () => cluster.stopProgram(API_SERVER),
    start: () => cluster.startProgram(API_SERVER),
  });
  expect(from.exitCode).toBe(1);
  expect(await arena.verdict()).toMatchObject({ violations: [] });
});

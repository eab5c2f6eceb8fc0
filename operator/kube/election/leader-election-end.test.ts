import { Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { fates, startCandidate, world } from '../../../test/support/candidate.ts';
import { createLeaderElectionMetrics } from './leader-election-metrics.ts';

describe('the end of a term', () => {
  test('on cancellation the lease is kept until the work has ended, then released', async () => {
    const { simulation, register, host } = world();
    const a = startCandidate(register, host(), 'a', { stubborn: true });
    await simulation.advance(10);
    a.cancel();
    await simulation.advance(10_000);
    expect(a.acting?.aborted).toBe(true);
    expect([register.holder, a.election.leadership.leading]).toEqual(['a', true]);
    a.endWork();
    await simulation.advance(10);
    expect([register.holder, a.election.leadership.leading, a.outcome]).toEqual([
      '',
      false,
      'done',
    ]);
    expect(register.lease?.spec.leaseDurationSeconds).toBe(1);
  });

  test('work that does not end is fenced off, and its lease runs out', async () => {
    const { simulation, register, host } = world();
    const a = startCandidate(register, host(), 'a', { stubborn: true, drainMs: 4000 });
    await simulation.advance(10);
    a.cancel();
    await simulation.advance(4100);
    expect([register.holder, a.election.leadership.leading, a.outcome]).toEqual([
      'a',
      false,
      'done',
    ]);
  });

  test('work that is ending is told of a loss that comes meanwhile', async () => {
    const { simulation, register, host } = world();
    const network: { down: boolean } = { down: false };
    const a = startCandidate(register, host(), 'a', {
      stubborn: true,
      network: () => (network.down ? { lost: 'request' } : {}),
    });
    await simulation.advance(10);
    a.cancel();
    await simulation.advance(1000);
    expect([a.acting?.aborted, a.losing?.aborted]).toEqual([true, false]);
    network.down = true;
    await simulation.advance(3000);
    expect(a.losing?.reason).toMatchObject({ code: 'LeaseLost' });
    expect(a.outcome).toMatchObject({ code: 'LeaseLost' });
  });

  test('work that fails releases the lease and is the error of run', async () => {
    const { simulation, register, host } = world();
    const a = startCandidate(register, host(), 'a');
    await simulation.advance(10);
    const failure = new Error('broken');
    a.endWork(failure);
    await simulation.advance(10);
    expect([register.holder, a.outcome]).toEqual(['', failure]);
  });

  test('release finds the newest version after a renewal whose answer was lost', async () => {
    const { simulation, register, host } = world();
    const a = startCandidate(register, host(), 'a', {
      network: fates('replace', [{ lost: 'answer' }]),
    });
    await simulation.advance(700);
    a.cancel();
    await simulation.advance(10);
    expect([register.holder, a.outcome]).toEqual(['', 'done']);
  });

  test('without releaseOnCancel the lease runs out', async () => {
    const { simulation, register, host } = world();
    const a = startCandidate(register, host(), 'a', { releaseOnCancel: false });
    await simulation.advance(10);
    a.cancel();
    await simulation.advance(10);
    expect([register.holder, a.outcome]).toEqual(['a', 'done']);
  });
});

test('the metric says who leads', async () => {
  const { simulation, register, host } = world();
  const registry = new Registry();
  const status = async () =>
    (await registry.getSingleMetricAsString('leader_election_master_status')).split('\n').at(-1);
  const a = startCandidate(register, host(), 'a', {
    metrics: createLeaderElectionMetrics(registry),
  });
  expect(await status()).toBe('leader_election_master_status{name="operator"} 0');
  await simulation.advance(10);
  expect(await status()).toBe('leader_election_master_status{name="operator"} 1');
  a.cancel();
  await simulation.advance(10);
  expect(await status()).toBe('leader_election_master_status{name="operator"} 0');
});

test('an election is run once', async () => {
  const { simulation, register, host } = world();
  const a = startCandidate(register, host(), 'a');
  await simulation.advance(10);
  const again = a.election.run(async () => undefined, new AbortController().signal);
  await expect(again).rejects.toMatchObject({ code: 'InvalidOption' });
});

test.each([
  [{ leaseDurationMs: 500 }, 'leaseDurationMs 500: expected at least 1000'],
  [{ retryPeriodMs: 0 }, 'retryPeriodMs 0: expected more than 0'],
  [{ retryPeriodMs: 1700 }, 'renewDeadlineMs 2000: expected more than 1.2 x retryPeriodMs 1700'],
  [{ renewDeadlineMs: 3000 }, 'leaseDurationMs 3000: expected more than renewDeadlineMs 3000'],
  [{ renewDeadlineMs: Number.NaN }, 'renewDeadlineMs NaN: expected more than'],
])('durations that cannot work are refused: %o', (durations, message) => {
  const { register, host } = world();
  expect(() => startCandidate(register, host(), 'a', durations)).toThrow(message);
});

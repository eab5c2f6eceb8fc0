import { describe, expect, test } from 'vitest';
import { fates, startCandidate, world } from '../../../test/support/candidate.ts';
import type { CallFate } from '../../../test/support/lease-register.ts';
import { SimHost } from '../../../test/support/simulation.ts';
import { KubeError } from '../base/kube-error.ts';

const LOST = expect.objectContaining({ code: 'LeaseLost' });

describe('a candidate', () => {
  test('creates the lease and leads', async () => {
    const { simulation, register, host } = world();
    const a = startCandidate(register, host(), 'a');
    await simulation.advance(10);
    expect(a.acting?.aborted).toBe(false);
    expect(a.election.leadership.leading).toBe(true);
    expect(register.lease?.spec).toEqual({
      holderIdentity: 'a',
      leaseDurationSeconds: 3,
      acquireTime: '2023-11-14T22:13:20.000000Z',
      renewTime: '2023-11-14T22:13:20.000000Z',
      leaseTransitions: 0,
    });
  });

  test('waits as long as the holder renews', async () => {
    const { simulation, register, host } = world();
    const a = startCandidate(register, host(), 'a');
    await simulation.advance(10);
    const b = startCandidate(register, host(), 'b');
    await simulation.advance(60_000);
    expect([a.outcome, a.election.leadership.leading]).toEqual(['running', true]);
    expect(b.acting).toBeUndefined();
    expect(b.election.leadership.leading).toBe(false);
  });

  test('takes a silent lease one lease duration after it saw the last change', async () => {
    const { simulation, register, host } = world();
    const a = startCandidate(register, host(), 'a');
    await simulation.advance(10);
    a.host.stop(1e9);
    await simulation.advance(5000);
    const b = startCandidate(register, host(), 'b');
    await simulation.advance(2990);
    expect(register.holder).toBe('a');
    await simulation.advance(20);
    expect(register.lease?.spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
    expect(b.election.leadership.leading).toBe(true);
  });

  test('waits for the duration that the holder wrote, not for its own', async () => {
    const { simulation, register, host } = world();
    const a = startCandidate(register, host(), 'a', {
      leaseDurationMs: 15_000,
      renewDeadlineMs: 10_000,
    });
    await simulation.advance(10);
    a.host.stop(1e9);
    const b = startCandidate(register, host(), 'b');
    await simulation.advance(14_900);
    expect(b.acting).toBeUndefined();
    await simulation.advance(200);
    expect(b.election.leadership.leading).toBe(true);
  });

  test('takes a released lease at its next look', async () => {
    const { simulation, register, host } = world();
    const a = startCandidate(register, host(), 'a');
    await simulation.advance(10);
    const b = startCandidate(register, host(), 'b');
    await simulation.advance(1200);
    a.cancel();
    await simulation.advance(510);
    expect(a.outcome).toBe('done');
    expect(b.election.leadership.leading).toBe(true);
    expect(register.lease?.spec.leaseTransitions).toBe(1);
  });

  test('looks again after the retry period and up to 1.2 times it more', async () => {
    const { simulation, register, host } = world();
    const looks: number[] = [];
    startCandidate(register, host(), 'a');
    await simulation.advance(10);
    const jitter = [0, 0.5, 1];
    startCandidate(register, host(), 'b', {
      random: () => jitter.shift() ?? 0,
      network: () => {
        looks.push(simulation.now);
        return {};
      },
    });
    await simulation.advance(2700);
    expect(looks).toEqual([10, 510, 1310, 2410]);
  });

  test('of two that see the lease run out at once, one gets it', async () => {
    const { simulation, register, host } = world();
    const a = startCandidate(register, host(), 'a');
    await simulation.advance(10);
    const others = ['b', 'c', 'd'].map((name) => startCandidate(register, host(), name));
    await simulation.advance(10);
    a.host.stop(1e9);
    await simulation.advance(4000);
    expect(others.filter(({ election }) => election.leadership.leading)).toHaveLength(1);
    expect(register.lease?.spec.leaseTransitions).toBe(1);
  });

  test('does not take an earlier process with its name for itself', async () => {
    const { simulation, register, host } = world();
    const a = startCandidate(register, host(), 'pod-0');
    await simulation.advance(10);
    const again = startCandidate(register, host(), 'pod-0');
    await simulation.advance(2000);
    expect(a.election.leadership.leading).toBe(true);
    expect(again.acting).toBeUndefined();
  });

  test('waits for a deleted lease that it saw held: the holder may still act', async () => {
    const { simulation, register, host } = world();
    const a = startCandidate(register, host(), 'a');
    await simulation.advance(10);
    const b = startCandidate(register, host(), 'b');
    await simulation.advance(10);
    a.host.stop(1e9);
    register.lease = undefined;
    await simulation.advance(2900);
    expect(register.lease).toBeUndefined();
    await simulation.advance(200);
    expect(register.holder).toBe('b');
    expect(b.election.leadership.leading).toBe(true);
  });

  test('that took the lease and lost the answer goes on with the next look', async () => {
    const { simulation, register, host } = world();
    const a = startCandidate(register, host(), 'a', {
      network: fates('create', [{ lost: 'answer' }]),
    });
    await simulation.advance(1000);
    expect([register.holder, a.election.leadership.leading]).toEqual(['a', false]);
    await simulation.advance(600);
    expect(a.election.leadership.leading).toBe(true);
    expect(register.lease?.spec.leaseTransitions).toBe(0);
  });

  test('does not begin with an answer that came after the deadline', async () => {
    const { simulation, register, host } = world();
    const a = startCandidate(register, host(), 'a', {
      network: fates('create', [{ answerMs: 100 }]),
    });
    await simulation.advance(50);
    a.host.stop(5000);
    await simulation.advance(5010);
    expect(a.acting).toBeUndefined();
    await simulation.advance(600);
    expect(a.election.leadership.leading).toBe(true);
  });

  test('keeps trying through errors, and ends when it is told to', async () => {
    const { simulation, register, host } = world();
    const fails = new KubeError('Forbidden', 'no', { httpStatus: 403 });
    const a = startCandidate(register, host(), 'a', { network: () => ({ fails }) });
    await simulation.advance(10_000);
    expect(a.outcome).toBe('running');
    a.cancel();
    await simulation.advance(1);
    expect(a.outcome).toBe('done');
    expect(a.acting).toBeUndefined();
  });
});

describe('a leader', () => {
  test('counts by its own monotonic clock, whatever the readings of the hosts are', async () => {
    const { simulation, register } = world();
    const odd = { uptimeMs: 9e9, wallMs: 0, wallStopped: true, rate: 1.1 };
    const a = startCandidate(register, new SimHost(simulation, odd), 'a');
    await simulation.advance(10);
    const b = startCandidate(register, new SimHost(simulation, { wallMs: 4e12 }), 'b');
    await simulation.advance(60_000);
    expect([a.election.leadership.leading, b.acting]).toEqual([true, undefined]);
    expect(register.lease?.spec.leaseTransitions).toBe(0);
  });

  test('that cannot renew stops acting when the deadline is over, before others may', async () => {
    const { simulation, register, host } = world();
    let down = false;
    const a = startCandidate(register, host(), 'a', {
      network: () => (down ? { lost: 'request' } : {}),
    });
    await simulation.advance(10);
    down = true;
    await simulation.advance(1980);
    expect(a.election.leadership.leading).toBe(true);
    await simulation.advance(20);
    expect(a.election.leadership.leading).toBe(false);
    expect(a.acting?.aborted).toBe(true);
    expect(a.acting?.reason).toEqual(LOST);
    expect(a.outcome).toEqual(LOST);
  });

  test('counts the deadline from when a renewal was sent, not from its answer', async () => {
    const { simulation, register, host } = world();
    const slow = { requestMs: 0, answerMs: 900 };
    const a = startCandidate(register, host(), 'a', {
      network: fates('replace', [slow, ...Array<CallFate>(9).fill({ lost: 'request' })]),
    });
    await simulation.advance(2490);
    expect(a.election.leadership.leading).toBe(true);
    await simulation.advance(20);
    expect(a.election.leadership.leading).toBe(false);
  });

  test.each<[string, readonly CallFate[]]>([
    ['one lost request', [{ lost: 'request' }]],
    ['one lost answer', [{ lost: 'answer' }]],
    ['an error of the server', [{ fails: new KubeError('InternalError', 'etcd') }]],
    ['a conflict with somebody who edits labels', [{ fails: new KubeError('Conflict', 'edited') }]],
  ])('survives %s', async (_what, list) => {
    const { simulation, register, host } = world();
    const a = startCandidate(register, host(), 'a', { network: fates('replace', list) });
    await simulation.advance(10_000);
    expect([a.outcome, a.election.leadership.leading]).toEqual(['running', true]);
  });

  test.each<[string, string]>([
    ['to another', 'b'],
    ['to nobody', ''],
  ])('stops at once when it sees the lease given %s', async (_what, holderIdentity) => {
    const { simulation, register, host } = world();
    const a = startCandidate(register, host(), 'a');
    await simulation.advance(10);
    register.edit({ holderIdentity });
    await simulation.advance(510);
    expect(a.acting?.reason).toEqual(LOST);
    expect(a.outcome).toEqual(LOST);
    expect(register.holder).toBe(holderIdentity);
  });

  test('writes a deleted lease again', async () => {
    const { simulation, register, host } = world();
    const a = startCandidate(register, host(), 'a');
    await simulation.advance(10);
    register.lease = undefined;
    await simulation.advance(600);
    expect([register.holder, a.election.leadership.leading]).toEqual(['a', true]);
  });

  test('keeps fields of the lease that it does not know', async () => {
    const { simulation, register, host } = world();
    startCandidate(register, host(), 'a');
    await simulation.advance(10);
    register.edit({ strategy: 'OldestEmulationVersion' });
    await simulation.advance(1100);
    expect(register.lease?.spec['strategy']).toBe('OldestEmulationVersion');
  });

  test('that was stopped beyond its lease finds itself refused before anything of it has run', async () => {
    const { simulation, register, host } = world();
    const a = startCandidate(register, host(), 'a');
    await simulation.advance(10);
    const b = startCandidate(register, host(), 'b');
    await simulation.advance(600);
    a.host.stop(6000);
    await simulation.advance(5900);
    expect([a.outcome, a.acting?.aborted]).toEqual(['running', false]);
    expect(a.election.leadership.leading).toBe(false);
    expect(() => a.election.leadership.check('PUT /x')).toThrow(
      /^PUT \/x: not sent: lease claw\/operator was confirmed \d+ ms ago, which is good for 2000 ms/,
    );
    expect(b.election.leadership.leading).toBe(true);
    await simulation.advance(200);
    expect(a.outcome).toEqual(LOST);
    expect(register.holder).toBe('b');
  });
});

import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { KubeError } from '../base/kube-error.ts';
import { silentLogger } from '../base/logger.ts';
import { type Elector, Manager, type ManagerOptions, type Service } from './manager.ts';

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 3; turn += 1) await setImmediate();
};
const untilAborted = async (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve());
  });

/** A manager whose parts write down what happens to them. */
function setup(options: Partial<ManagerOptions> = {}, failing: Record<string, Error> = {}) {
  const log: string[] = [];
  const reasons = new Map<string, unknown>();
  const clock = new ManualClock();
  const part = (name: string): Service => ({
    run: async (signal) => {
      log.push(`${name} runs`);
      if (failing[name]) throw failing[name];
      await untilAborted(signal);
      reasons.set(name, signal.reason);
      log.push(`${name} ends`);
    },
  });
  const controller = (name: string) => ({ name, alive: true, healthy: true, ...part(name) });
  const manager = new Manager({
    caches: [part('cache')],
    services: [part('events')],
    controllers: [controller('one'), controller('two')],
    clock,
    logger: silentLogger,
    ...options,
  });
  const stop = new AbortController();
  const ended = manager.run(stop.signal);
  return { clock, ended, log, manager, reasons, stop };
}

/** An elector that leads from `win` to `lose`. */
class Election implements Elector {
  readonly won = Promise.withResolvers<void>();
  readonly lost = new AbortController();
  async run(lead: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    await Promise.race([this.won.promise, untilAborted(signal)]);
    if (signal.aborted) return;
    const acting = AbortSignal.any([signal, this.lost.signal]);
    await Promise.race([lead(acting), untilAborted(this.lost.signal)]);
    if (this.lost.signal.aborted) throw this.lost.signal.reason;
  }
}

test('runs caches before and after controllers, and stops in order', async () => {
  const { ended, log, stop } = setup();
  await settle();
  expect(log).toEqual(['cache runs', 'events runs', 'one runs', 'two runs']);
  stop.abort();
  expect(await ended).toEqual({ reason: 'stopped', exitCode: 0 });
  expect(log.slice(4)).toEqual(['one ends', 'two ends', 'cache ends', 'events ends']);
});

describe('with an election', () => {
  test('caches run while another leads, controllers only after the win', async () => {
    const elector = new Election();
    const { ended, log, stop } = setup({ elector });
    await settle();
    expect(log).toEqual(['cache runs', 'events runs']);
    elector.won.resolve();
    await settle();
    expect(log.slice(2)).toEqual(['one runs', 'two runs']);
    stop.abort();
    expect((await ended).reason).toBe('stopped');
  });

  test('a process that never led stops well', async () => {
    const { ended, log, stop } = setup({ elector: new Election() });
    stop.abort();
    expect(await ended).toEqual({ reason: 'stopped', exitCode: 0 });
    expect(log).not.toContain('one runs');
  });

  test('the loss of the lease ends all controllers with that reason and exits non-zero', async () => {
    const elector = new Election();
    const { ended, log, reasons } = setup({ elector });
    elector.won.resolve();
    await settle();
    const lost = new KubeError('LeaseLost', 'taken');
    elector.lost.abort(lost);
    expect(await ended).toEqual({ reason: 'lease-lost', exitCode: 1, error: lost });
    expect([reasons.get('one'), reasons.get('two')]).toEqual([lost, lost]);
    expect(log).toContain('cache ends');
  });
});

test('controllers that are ending are told of a loss that comes meanwhile', async () => {
  const lost = new AbortController();
  const elector: Elector = {
    run: async (lead, signal) => lead(signal, lost.signal),
  };
  const told = Promise.withResolvers<unknown>();
  const controller = {
    name: 'slow',
    alive: true,
    healthy: true,
    run: async (signal: AbortSignal, losing?: AbortSignal) => {
      await untilAborted(signal);
      if (losing === undefined) throw new Error('nobody would tell');
      await untilAborted(losing);
      told.resolve(losing.reason);
    },
  };
  const { ended, stop } = setup({ elector, controllers: [controller] });
  await settle();
  stop.abort();
  await settle();
  const reason = new KubeError('LeaseLost', 'taken');
  lost.abort(reason);
  await ended;
  expect(await told.promise).toBe(reason);
});

describe('what fails ends everything', () => {
  test.each(['cache', 'events', 'one', 'two'])('%s', async (name) => {
    const error = new Error(`${name} failed`);
    const { ended, log } = setup({}, { [name]: error });
    expect(await ended).toEqual({ reason: 'failed', exitCode: 1, error });
    const others = ['cache', 'events', 'one', 'two'].filter((other) => other !== name);
    for (const other of others)
      if (log.includes(`${other} runs`)) expect(log).toContain(`${other} ends`);
  });
});

test('a cache that does not end is left behind after 5 s', async () => {
  const { clock, ended, stop } = setup({ caches: [{ run: async () => new Promise(() => {}) }] });
  stop.abort();
  await settle();
  clock.advance(5000);
  expect((await ended).reason).toBe('stopped');
});

test('is alive while every controller is', () => {
  const controller = (alive: boolean) => ({
    name: 'x',
    alive,
    healthy: alive,
    run: async () => undefined,
  });
  const alive = (...controllers: boolean[]) =>
    setup({ controllers: controllers.map(controller) }).manager.alive;
  expect([alive(true, true), alive(true, false)]).toEqual([true, false]);
});

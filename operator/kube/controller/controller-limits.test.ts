import { describe, expect, test } from 'vitest';
import {
  scriptedController,
  total,
  untilAborted,
  type Work,
} from '../../../test/support/scripted-controller.ts';
import { KubeError } from '../base/kube-error.ts';
import type { Source } from './controller-sources.ts';

const ok: Work = async () => ({});

describe('the limit of a run', () => {
  test('aborts it, is counted and tried again', async () => {
    const seen: unknown[] = [];
    const { runs, pass, tell, end, metric } = scriptedController(
      async (_key, context) =>
        untilAborted(context).finally(() => seen.push(context.signal.reason)),
      { reconcileTimeoutMs: 1000 },
    );
    await tell('a');
    await pass(1000);
    expect(seen).toMatchObject([{ code: 'ReconcileTimeout' }]);
    expect(await metric('controller_runtime_reconcile_timeouts_total{controller="echo"}')).toBe(
      '1',
    );
    await pass(5);
    expect(runs).toHaveLength(2);
    await end(new KubeError('LeaseLost', 'lost'));
  });

  test('is counted once, when it passes, also where the run never ends', async () => {
    const timeouts = 'controller_runtime_reconcile_timeouts_total{controller="echo"}';
    const { stop, running, pass, tell, metric } = scriptedController(
      async () => new Promise(() => undefined),
      { reconcileTimeoutMs: 1000 },
    );
    await tell('a');
    await pass(999);
    expect(await metric(timeouts)).toBe(undefined);
    await pass(1);
    expect(await metric(timeouts)).toBe('1');
    stop.abort(new KubeError('LeaseLost', 'lost'));
    await pass();
    await pass(5000);
    await running;
    expect(await metric(timeouts)).toBe('1');
  });

  test('makes the controller not alive where a run ignores it', async () => {
    let finish: (() => void) | undefined;
    const { controller, pass, tell, end } = scriptedController(
      async () => {
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
        return {};
      },
      { reconcileTimeoutMs: 1000 },
    );
    await tell('a');
    await pass(2000);
    expect([controller.alive, controller.healthy]).toEqual([true, true]);
    await pass(1);
    expect([controller.alive, controller.healthy]).toEqual([false, false]);
    finish?.();
    await pass();
    expect(controller.alive).toBe(true);
    await end();
  });
});

describe('caches', () => {
  const pending: Source = {
    name: 'slow',
    whenSynced: async (signal) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      }),
    start: () => () => undefined,
  };

  test('are waited for, for at most their limit', async () => {
    const { controller, runs, running, pass } = scriptedController(ok, { sources: [pending] });
    controller.enqueue({ name: 'a' });
    await pass(119_999);
    expect([runs.length, controller.healthy]).toEqual([0, false]);
    const failed = expect(running).rejects.toMatchObject({ code: 'CacheNotSynced' });
    await pass(1);
    await failed;
  });

  test('that never come do not hold up the end', async () => {
    const { runs, end } = scriptedController(ok, { sources: [pending] });
    await end();
    expect(runs).toEqual([]);
  });

  test('that lack an own write put the run off', async () => {
    let behind = true;
    const { runs, pass, tell, end, metric } = scriptedController(ok, {
      readGates: [{ isBehind: (key) => key.name === 'a' && behind }],
    });
    await tell('a', 'b');
    await pass(1000);
    expect(runs).toEqual(['ns/b']);
    expect(Number(await metric(total('stale')))).toBeGreaterThan(1);
    behind = false;
    await pass(250);
    expect(runs).toEqual(['ns/b', 'ns/a']);
    await end();
  });
});

describe('the end', () => {
  test('lets runs finish and begins no others', async () => {
    let finish: (() => void) | undefined;
    let aborted = false;
    const { runs, running, stop, pass, tell } = scriptedController(async (_key, { signal }) => {
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      aborted = signal.aborted;
      return {};
    });
    await tell('a', 'b');
    stop.abort();
    await pass();
    await pass(29_000);
    finish?.();
    await running;
    expect([runs, aborted]).toEqual([['ns/a'], false]);
  });

  test('aborts runs after 30 s and gives up on those that do not care 5 s later', async () => {
    const reasons: unknown[] = [];
    const { running, stop, pass, tell } = scriptedController(
      async (key, context) => {
        context.signal.addEventListener('abort', () => reasons.push(context.signal.reason));
        return key.name === 'deaf' ? new Promise(() => undefined) : untilAborted(context);
      },
      { workers: 2 },
    );
    await tell('deaf', 'a');
    stop.abort();
    await pass();
    await pass(30_000);
    expect(reasons).toMatchObject([{ code: 'Aborted' }, { code: 'Aborted' }]);
    await pass(5000);
    await running;
  });

  test('by the loss of the lease aborts runs at once', async () => {
    const lost = new KubeError('LeaseLost', 'lost');
    const reasons: unknown[] = [];
    const { tell, end, metric } = scriptedController(async (_key, context) =>
      untilAborted(context).finally(() => reasons.push(context.signal.reason)),
    );
    await tell('a');
    await end(lost);
    expect(reasons).toEqual([lost]);
    expect(await metric('controller_runtime_reconcile_errors_total{controller="echo"}')).toBe(
      undefined,
    );
  });

  test('aborts runs at once where the lease is lost while they are let finish', async () => {
    const reasons: unknown[] = [];
    const { losing, running, stop, pass, tell } = scriptedController(async (_key, context) =>
      untilAborted(context).finally(() => reasons.push(context.signal.reason)),
    );
    await tell('a');
    stop.abort();
    await pass(1000);
    expect(reasons).toEqual([]);
    const lost = new KubeError('LeaseLost', 'lost');
    losing.abort(lost);
    await pass();
    await running;
    expect(reasons).toEqual([lost]);
  });

  test('leaves no timer behind', async () => {
    const { clock, tell, pass, end } = scriptedController(async () => ({ requeueAfterMs: 60_000 }));
    await tell('a', 'b');
    await end();
    await pass();
    expect(clock.sleeping).toBe(0);
  });

  test('is final: a controller runs once', async () => {
    const { controller, end } = scriptedController(ok);
    await end();
    await expect(controller.run(new AbortController().signal)).rejects.toMatchObject({
      code: 'InvalidOption',
    });
  });
});

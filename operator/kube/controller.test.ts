import { setImmediate } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { Controller, type ControllerOptions } from './controller.ts';
import { ControllerMetrics } from './controller-metrics.ts';
import type { Source } from './controller-sources.ts';
import { KubeError } from './kube-error.ts';
import { type LogFields, type Logger, silentLogger } from './logger.ts';
import { keyText, type ObjectKey } from './object-key.ts';
import { type ReconcileContext, type ReconcileResult, terminal } from './reconcile.ts';

type Work = (key: ObjectKey, context: ReconcileContext) => Promise<ReconcileResult>;

/** A controller whose clock the test moves and whose source it feeds. */
function setup(work: Work, options: Partial<ControllerOptions> = {}) {
  const clock = new ManualClock();
  const registry = new Registry();
  const runs: string[] = [];
  let enqueue: ((key: ObjectKey) => void) | undefined;
  const source: Source = {
    name: 'echoes',
    whenSynced: async () => undefined,
    start: (tell) => {
      enqueue = tell;
      return () => {
        enqueue = undefined;
      };
    },
  };
  const controller = new Controller({
    name: 'echo',
    reconcile: async (key, context) => {
      runs.push(keyText(key));
      return work(key, context);
    },
    sources: [source],
    clock,
    logger: silentLogger,
    metrics: new ControllerMetrics(registry),
    ...options,
  });
  const stop = new AbortController();
  const running = controller.run(stop.signal);
  const pass = async (ms = 0): Promise<void> => {
    clock.advance(ms);
    for (let turn = 0; turn < 3; turn += 1) await setImmediate();
  };
  const tell = async (...names: string[]): Promise<void> => {
    await pass();
    for (const name of names) enqueue?.({ namespace: 'ns', name });
    await pass();
  };
  const end = async (reason?: unknown): Promise<void> => {
    stop.abort(reason);
    await pass();
    await running;
  };
  const metric = async (name: string): Promise<string | undefined> =>
    (await registry.metrics())
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length + 1);
  return { clock, controller, runs, running, stop, pass, tell, end, metric };
}

/** Rejects when the run is aborted, with the reason. */
const untilAborted = async ({ signal }: ReconcileContext): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    signal.addEventListener('abort', () => reject(signal.reason as Error));
  });
const ok: Work = async () => ({});
const total = (result: string) =>
  `controller_runtime_reconcile_total{controller="echo",result="${result}"}`;

describe('runs', () => {
  test('every key once, and again when its time has come', async () => {
    const { runs, pass, tell, end, metric } = setup(async (key) =>
      key.name === 'b' ? { requeueAfterMs: 500 } : {},
    );
    await tell('a', 'b', 'b');
    expect(runs).toEqual(['ns/a', 'ns/b']);
    await pass(499);
    expect(runs).toHaveLength(2);
    await pass(1);
    expect(runs).toEqual(['ns/a', 'ns/b', 'ns/b']);
    expect(await metric(total('success'))).toBe('1');
    expect(await metric(total('requeue_after'))).toBe('2');
    await end();
  });

  test('at most as many at once as there are workers, never one key twice', async () => {
    const open = new Map<string, () => void>();
    const { runs, tell, end } = setup(
      async (key) => {
        expect(open.has(key.name)).toBe(false);
        await new Promise<void>((resolve) => open.set(key.name, resolve));
        open.delete(key.name);
        return {};
      },
      { workers: 2 },
    );
    await tell('a', 'b', 'c', 'a');
    await tell('a');
    expect([...open.keys()]).toEqual(['a', 'b']);
    open.get('a')?.();
    await tell();
    expect([...open.keys()]).toEqual(['b', 'c']);
    open.get('b')?.();
    await tell();
    expect(runs).toEqual(['ns/a', 'ns/b', 'ns/c', 'ns/a']);
    for (const finish of open.values()) finish();
    await end();
  });

  test('have an id of their own on every log line', async () => {
    const lines: LogFields[] = [];
    const logger = (fields: LogFields): Logger => ({
      ...silentLogger,
      error: (more) => lines.push({ ...fields, ...more }),
      child: (more) => logger({ ...fields, ...more }),
    });
    let ids = 0;
    const { pass, tell, end } = setup(async () => Promise.reject(new Error('no')), {
      logger: logger({}),
      newId: () => {
        ids += 1;
        return `run-${ids}`;
      },
    });
    await tell('a');
    await pass(5);
    await end();
    const own = { controller: 'echo', namespace: 'ns', name: 'a' };
    expect(lines).toMatchObject([
      { ...own, reconcileID: 'run-1', failures: 1 },
      { ...own, reconcileID: 'run-2', failures: 2 },
    ]);
  });
});

describe('failures', () => {
  test.each<[string, () => Promise<never>]>([
    ['a rejection', async () => Promise.reject(new Error('no'))],
    [
      'a throw before the first await',
      () => {
        throw new TypeError('undefined is not a function');
      },
    ],
    [
      'something that is no error',
      () => {
        // oxlint-disable-next-line typescript/only-throw-error
        throw 'a text';
      },
    ],
  ])('%s is retried with a growing pause and does not touch other keys', async (_name, fail) => {
    const { runs, pass, tell, end, metric } = setup(async (key) =>
      key.name === 'bad' ? fail() : {},
    );
    await tell('bad', 'good');
    for (const wait of [5, 10, 20]) {
      await pass(wait - 1);
      const before = runs.length;
      await pass(1);
      expect(runs).toHaveLength(before + 1);
    }
    expect(runs.filter((key) => key === 'ns/good')).toHaveLength(1);
    expect(await metric('controller_runtime_reconcile_errors_total{controller="echo"}')).toBe('4');
    await end();
  });

  test('a success ends the pauses', async () => {
    let failing = true;
    const { runs, pass, tell, end } = setup(async () => {
      if (failing) throw new Error('no');
      return {};
    });
    await tell('a');
    await pass(5);
    failing = false;
    await pass(10);
    failing = true;
    await tell('a');
    const before = runs.length;
    await pass(5);
    expect(runs).toHaveLength(before + 1);
    await end();
  });

  test('a conflict is tried again soon and is no error', async () => {
    const { runs, pass, tell, end, metric } = setup(async () =>
      Promise.reject(new KubeError('Conflict', 'changed')),
    );
    await tell('a');
    for (let step = 0; step < 60; step += 1) await pass(100);
    // 5, 10, 20 … 640, then every second.
    expect(runs.length).toBeGreaterThanOrEqual(12);
    expect(await metric('controller_runtime_reconcile_errors_total{controller="echo"}')).toBe(
      undefined,
    );
    expect(Number(await metric(total('conflict')))).toBe(runs.length);
    await end();
  });

  test('a terminal one waits for a change of the object', async () => {
    const { runs, pass, tell, end, metric } = setup(async () =>
      Promise.reject(terminal('copies: -1')),
    );
    await tell('a');
    await pass(2_000_000);
    expect(runs).toHaveLength(1);
    await tell('a');
    expect(runs).toHaveLength(2);
    expect(
      await metric('controller_runtime_terminal_reconcile_errors_total{controller="echo"}'),
    ).toBe('2');
    await end();
  });

  test('the wait that the server asked for counts', async () => {
    const { runs, pass, tell, end } = setup(async () =>
      Promise.reject(new KubeError('TooManyRequests', 'slow down', { retryAfterMs: 3000 })),
    );
    await tell('a');
    await pass(2999);
    expect(runs).toHaveLength(1);
    await pass(1);
    expect(runs).toHaveLength(2);
    await end();
  });
});

describe('the limit of a run', () => {
  test('aborts it, is counted and tried again', async () => {
    const seen: unknown[] = [];
    const { runs, pass, tell, end, metric } = setup(
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

  test('makes the controller not alive where a run ignores it', async () => {
    let finish: (() => void) | undefined;
    const { controller, pass, tell, end } = setup(
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
    const { controller, runs, running, pass } = setup(ok, { sources: [pending] });
    controller.enqueue({ name: 'a' });
    await pass(119_999);
    expect([runs.length, controller.healthy]).toEqual([0, false]);
    const failed = expect(running).rejects.toMatchObject({ code: 'CacheNotSynced' });
    await pass(1);
    await failed;
  });

  test('that never come do not hold up the end', async () => {
    const { runs, end } = setup(ok, { sources: [pending] });
    await end();
    expect(runs).toEqual([]);
  });

  test('that lack an own write put the run off', async () => {
    let behind = true;
    const { runs, pass, tell, end, metric } = setup(ok, {
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
    const { runs, running, stop, pass, tell } = setup(async (_key, { signal }) => {
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
    const { running, stop, pass, tell } = setup(
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
    const { tell, end, metric } = setup(async (_key, context) =>
      untilAborted(context).finally(() => reasons.push(context.signal.reason)),
    );
    await tell('a');
    await end(lost);
    expect(reasons).toEqual([lost]);
    expect(await metric('controller_runtime_reconcile_errors_total{controller="echo"}')).toBe(
      undefined,
    );
  });

  test('leaves no timer behind', async () => {
    const { clock, tell, pass, end } = setup(async () => ({ requeueAfterMs: 60_000 }));
    await tell('a', 'b');
    await end();
    await pass();
    expect(clock.sleeping).toBe(0);
  });

  test('is final: a controller runs once', async () => {
    const { controller, end } = setup(ok);
    await end();
    await expect(controller.run(new AbortController().signal)).rejects.toMatchObject({
      code: 'InvalidOption',
    });
  });
});

import { describe, expect, test } from 'vitest';
import { scriptedController, total } from '../../../test/support/scripted-controller.ts';
import { KubeError } from '../base/kube-error.ts';
import { type LogFields, type Logger, silentLogger } from '../base/logger.ts';
import { terminal } from './reconcile.ts';

describe('runs', () => {
  test('every key once, and again when its time has come', async () => {
    const { runs, pass, tell, end, metric } = scriptedController(async (key) =>
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
    const { runs, tell, end } = scriptedController(
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
    const { pass, tell, end } = scriptedController(async () => Promise.reject(new Error('no')), {
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
    const { runs, pass, tell, end, metric } = scriptedController(async (key) =>
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
    const { runs, pass, tell, end } = scriptedController(async () => {
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
    const { runs, pass, tell, end, metric } = scriptedController(async () =>
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

  test('fields that another manager owns are an error: waiting does not give them away', async () => {
    const owned = new KubeError('Conflict', 'Apply failed with 1 conflict', {
      httpStatus: 409,
      causes: [{ reason: 'FieldManagerConflict', field: '.spec.copies' }],
    });
    const { lines, logger } = logged();
    const { runs, pass, tell, end, metric } = scriptedController(
      async () => Promise.reject(owned),
      { logger },
    );
    await tell('a');
    await pass(4_999);
    const early = runs.length;
    for (let second = 0; second < 60; second += 1) await pass(1000);
    expect(early).toBe(2);
    expect(runs.length).toBeLessThan(20);
    expect(await metric(total('conflict'))).toBe(undefined);
    expect(await metric('controller_runtime_reconcile_errors_total{controller="echo"}')).toBe(
      `${runs.length}`,
    );
    expect(new Set(lines.map(({ level }) => level))).toEqual(new Set(['error']));
    await end();
  });

  test('every tenth conflict in a row of one key is a warning', async () => {
    const { lines, logger } = logged();
    let conflicts = 0;
    const { pass, tell, end } = scriptedController(
      async () => {
        conflicts += 1;
        if (conflicts === 10) return {};
        throw new KubeError('Conflict', 'changed');
      },
      { logger },
    );
    const warnings = () => lines.filter(({ level }) => level === 'warn');
    await tell('a');
    for (let step = 0; step < 20; step += 1) await pass(1000);
    expect([conflicts, warnings().length]).toEqual([10, 0]);
    await tell('a');
    for (let step = 0; step < 9; step += 1) await pass(1000);
    expect(warnings()).toMatchObject([{ name: 'a', conflicts: 10 }]);
    await end();
  });

  test('a terminal one waits for a change of the object', async () => {
    const { runs, pass, tell, end, metric } = scriptedController(async () =>
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
    const { runs, pass, tell, end } = scriptedController(async () =>
      Promise.reject(new KubeError('TooManyRequests', 'slow down', { retryAfterMs: 3000 })),
    );
    await tell('a');
    await pass(2999);
    expect(runs).toHaveLength(1);
    await pass(1);
    expect(runs).toHaveLength(2);
    await end();
  });

  test('a server that asks for no wait at all does not get around the growing pause', async () => {
    const slowDown = new KubeError('TooManyRequests', 'slow down', { retryAfterMs: 0 });
    const { runs, pass, tell, end } = scriptedController(async () => {
      // A loop without a pause would never give the test its turn.
      if (runs.length > 50) return {};
      throw slowDown;
    });
    await tell('a');
    expect(runs).toHaveLength(1);
    for (const wait of [5, 10, 20]) {
      await pass(wait - 1);
      const before = runs.length;
      await pass(1);
      expect(runs).toHaveLength(before + 1);
    }
    await end();
  });
});

/** A logger that keeps what is worth reading: warnings and errors, with their level. */
function logged() {
  const lines: (LogFields & { readonly level: string })[] = [];
  const make = (fields: LogFields): Logger => ({
    ...silentLogger,
    warn: (more) => lines.push({ ...fields, ...more, level: 'warn' }),
    error: (more) => lines.push({ ...fields, ...more, level: 'error' }),
    child: (more) => make({ ...fields, ...more }),
  });
  return { lines, logger: make({}) };
}

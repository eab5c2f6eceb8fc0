import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { ItemBackoff } from './rate-limiter.ts';
import { WorkQueue } from './work-queue.ts';

const KEYS = ['a', 'b', 'c', 'd', 'e'] as const;
const never = new AbortController().signal;

/** What the queue must be: order, sets and delays in their simplest form. */
interface Model {
  queued: string[];
  again: Set<string>;
  working: Set<string>;
  delayed: Map<string, number>;
  failures: Map<string, number>;
  now: number;
}

interface Real {
  readonly clock: ManualClock;
  readonly queue: WorkQueue;
}

type Command = fc.AsyncCommand<Model, Real>;

function modelAdd(model: Model, key: string): void {
  if (model.working.has(key)) model.again.add(key);
  else if (!model.queued.includes(key)) model.queued.push(key);
}

function check(model: Model, real: Real): void {
  expect(real.queue.length).toBe(model.queued.length);
  expect(real.queue.delayed).toBe(model.delayed.size);
  for (const key of KEYS) expect(real.queue.numRequeues(key)).toBe(model.failures.get(key) ?? 0);
}

class Add implements Command {
  readonly key: string;
  constructor(key: string) {
    this.key = key;
  }
  check = (): boolean => true;
  async run(model: Model, real: Real): Promise<void> {
    real.queue.add(this.key);
    modelAdd(model, this.key);
    check(model, real);
  }
  toString = (): string => `add ${this.key}`;
}

class AddLater implements Command {
  readonly key: string;
  readonly ms: number | undefined;
  constructor(key: string, ms: number | undefined) {
    this.key = key;
    this.ms = ms;
  }
  check = (): boolean => true;
  async run(model: Model, real: Real): Promise<void> {
    const failures = model.failures.get(this.key) ?? 0;
    const wait = this.ms ?? Math.min(1000, 10 * 2 ** failures);
    if (this.ms === undefined) {
      model.failures.set(this.key, failures + 1);
      real.queue.addRateLimited(this.key);
    } else {
      real.queue.addAfter(this.key, this.ms);
    }
    if (wait === 0) modelAdd(model, this.key);
    else {
      const known = model.delayed.get(this.key) ?? Number.POSITIVE_INFINITY;
      if (model.now + wait >= known) return;
      // A moved key is the youngest of its new moment.
      model.delayed.delete(this.key);
      model.delayed.set(this.key, model.now + wait);
    }
    check(model, real);
  }
  toString = (): string => `addAfter ${this.key} ${this.ms ?? 'rate limit'}`;
}

class Take implements Command {
  check = (model: Readonly<Model>): boolean => model.queued.length > 0;
  async run(model: Model, real: Real): Promise<void> {
    const key = await real.queue.get(never);
    expect(key).toBe(model.queued.shift());
    expect(model.working).not.toContain(key);
    model.working.add(key ?? '');
    check(model, real);
  }
  toString = (): string => 'get';
}

class Done implements Command {
  readonly pick: number;
  readonly forget: boolean;
  constructor(pick: number, forget: boolean) {
    this.pick = pick;
    this.forget = forget;
  }
  check = (model: Readonly<Model>): boolean => model.working.size > 0;
  async run(model: Model, real: Real): Promise<void> {
    const key = [...model.working][this.pick % model.working.size] ?? '';
    if (this.forget) {
      real.queue.forget(key);
      model.failures.delete(key);
    }
    real.queue.done(key);
    model.working.delete(key);
    if (model.again.delete(key)) modelAdd(model, key);
    check(model, real);
  }
  toString = (): string => `done ${this.pick}${this.forget ? ' and forget' : ''}`;
}

class Pass implements Command {
  readonly ms: number;
  constructor(ms: number) {
    this.ms = ms;
  }
  check = (): boolean => true;
  async run(model: Model, real: Real): Promise<void> {
    real.clock.advance(this.ms);
    model.now += this.ms;
    await setImmediate();
    const ready = [...model.delayed].filter(([, at]) => at <= model.now);
    for (const [key] of ready.toSorted(([, one], [, other]) => one - other)) {
      model.delayed.delete(key);
      modelAdd(model, key);
    }
    check(model, real);
  }
  toString = (): string => `${this.ms} ms pass`;
}

const key = fc.constantFrom(...KEYS);
const commands = fc.commands<Model, Real, false>(
  [
    key.map((name) => new Add(name)),
    fc.tuple(key, fc.nat(50)).map(([name, ms]) => new AddLater(name, ms)),
    key.map((name) => new AddLater(name, undefined)),
    fc.constant(new Take()),
    fc.tuple(fc.nat(4), fc.boolean()).map(([pick, forget]) => new Done(pick, forget)),
    fc.nat(80).map((ms) => new Pass(ms)),
  ],
  { maxCommands: 120 },
);

test('does what its model does under any commands', async () => {
  await fc.assert(
    fc.asyncProperty(commands, async (run) => {
      await fc.asyncModelRun(() => {
        const clock = new ManualClock(0);
        const queue = new WorkQueue({ clock, rateLimiter: new ItemBackoff(10, 1000) });
        const model: Model = {
          queued: [],
          again: new Set(),
          working: new Set(),
          delayed: new Map(),
          failures: new Map(),
          now: 0,
        };
        return { model, real: { clock, queue } };
      }, run);
    }),
    { numRuns: 300 },
  );
});

const steps = fc.array(
  fc.record({ key, turns: fc.nat(3), delay: fc.constantFrom(0, 0, 0, 5, 20) }),
  { maxLength: 60 },
);

test.each(['shutDown', 'shutDownWithDrain'] as const)(
  'parallel workers never share a key, lose no add, and %s lets them finish',
  async (how) => {
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 1, max: 5 }), async (list, workers) => {
        const clock = new ManualClock(0);
        const queue = new WorkQueue({ clock });
        const working = new Set<string>();
        // The version of each key that was added last and the one that work began with last.
        const wanted = new Map<string, number>();
        const seen = new Map<string, number>();
        let turns = 0;
        const work = async (): Promise<void> => {
          for (
            let taken = await queue.get(never);
            taken !== undefined;
            taken = await queue.get(never)
          ) {
            expect(working).not.toContain(taken);
            working.add(taken);
            seen.set(taken, wanted.get(taken) ?? 0);
            for (let turn = 0; turn < turns; turn += 1) await setImmediate();
            working.delete(taken);
            queue.done(taken);
          }
        };
        const pool = Array.from({ length: workers }, work);
        for (const step of list) {
          turns = step.turns;
          wanted.set(step.key, (wanted.get(step.key) ?? 0) + 1);
          queue.addAfter(step.key, step.delay);
          if (step.turns === 0) await setImmediate();
          clock.advance(step.delay === 0 ? 1 : 0);
        }
        clock.advance(10_000);
        await setImmediate();
        expect(queue.delayed).toBe(0);
        if (how === 'shutDown') queue.shutDown();
        else await queue.shutDownWithDrain(never);
        await Promise.all(pool);
        expect(seen).toEqual(wanted);
        expect(queue.unfinished().totalMs).toBe(0);
        expect(queue.length).toBe(0);
      }),
      { numRuns: 200 },
    );
  },
);

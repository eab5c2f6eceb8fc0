import { isDeepStrictEqual } from 'node:util';
import { systemClock } from '../../operator/kube/base/clock.ts';
import { KubeError } from '../../operator/kube/base/kube-error.ts';
import type { KubeRequest, Transport } from '../../operator/kube/client/transport.ts';
import { type CrashMoment, CrashTransport, countedWrite } from './crash-transport.ts';

/** One thing that a user does, and how to see that the controller has dealt with it. */
export interface CrashStep {
  readonly name: string;
  act(): Promise<void>;
  /** Asked again and again; throws where something is wrong for good, such as a second child. */
  settled(): Promise<boolean>;
  /** What must be the same in every run: normalised objects, see `normalObject`. */
  observe(): Promise<unknown>;
}

/** A place of its own on the server for one run of a scenario. */
export interface CrashWorld {
  readonly transport: Transport;
  readonly steps: readonly CrashStep[];
  /**
   * Runs the whole controller, caches included, over `transport` until `signal` aborts; called
   * again after a crash, with nothing kept of the run before.
   */
  run(transport: Transport, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export interface CrashScenario {
  readonly open: () => Promise<CrashWorld>;
  /** Default: both. */
  readonly moments?: readonly CrashMoment[];
  /** Writes at which to crash; default all but those of events, which are best effort. */
  readonly counted?: (request: KubeRequest) => boolean;
  /** Crashes at the first and then at each n-th write only, default 1: at every one. */
  readonly every?: number;
  /** Runs at the same time, default 4. */
  readonly parallel?: number;
  /** Limit of each step, default 30 s. */
  readonly stepMs?: number;
  /** Between two looks, default 100 ms. */
  readonly pollMs?: number;
  /** How long the undisturbed run must stay as it is before that counts; default 1 s. */
  readonly quietMs?: number;
}

export interface CrashReport {
  /** Writes of the run without a crash, in order. */
  readonly writes: readonly string[];
  /**
   * The fewest writes of a run that no crash disturbed: the first, and those that came to the same end
   * before the write at which they were to crash. How many there are depends a little on what was seen when.
   */
  readonly fewest: number;
  /** Runs in which the crash took place and that came to the expected end. */
  readonly crashes: Readonly<Record<CrashMoment, number>>;
  /** What went wrong, by run; empty where the claim holds. */
  readonly failures: readonly string[];
}

const POLL_MS = 100;
/** On a busy host looks take long, and so does what the controller has still to write. */
const QUIET_LOOKS = 10;
const MOMENTS: readonly CrashMoment[] = ['after', 'before'];
const CRASH = new KubeError('LeaseLost', 'the process is gone');

/**
 * Crash at every write: runs the scenario once undisturbed, with k writes, then k times more for each
 * moment. In run i the controller dies at its i-th write and is started anew; every step must then come
 * to what was observed in the undisturbed run. Before its crash a run goes on to the next step only when
 * it has made as many writes for the step as the undisturbed one had, or is as quiet: what is observed may
 * look done while writes are still to come, and a user who goes on then spares the controller these.
 */
export async function crashAtEveryWrite(scenario: CrashScenario): Promise<CrashReport> {
  const calm = await oneRun(scenario, undefined, undefined);
  const failures: string[] = [];
  const crashes = { after: 0, before: 0 };
  let fewest = calm.writes.length;
  const blows = calm.writes
    .map((write, index) => ({ write, at: index + 1 }))
    .filter((_, index) => index % (scenario.every ?? 1) === 0);
  const queue = (scenario.moments ?? MOMENTS).flatMap((moment) =>
    blows.map((blow) => ({ ...blow, moment })),
  );
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const { at, moment, write } = next;
      try {
        const { crashed, writes } = await oneRun(scenario, { at, moment }, calm);
        if (crashed) crashes[moment] += 1;
        else fewest = Math.min(fewest, writes.length);
      } catch (error) {
        failures.push(`crash ${moment} write ${at} (${write}): ${String(error)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: scenario.parallel ?? 4 }, worker));
  return { writes: calm.writes, fewest, crashes, failures };
}

interface Run {
  readonly writes: readonly string[];
  readonly crashed: boolean;
  readonly observed: ReadonlyMap<string, unknown>;
  /** Number of writes in each step. */
  readonly writesIn: ReadonlyMap<string, number>;
}

async function oneRun(
  scenario: CrashScenario,
  blow: { readonly at: number; readonly moment: CrashMoment } | undefined,
  calm: Run | undefined,
): Promise<Run> {
  const world = await scenario.open();
  const transport = new CrashTransport(world.transport, {
    ...(blow ?? { at: undefined, moment: 'after' }),
    counted: scenario.counted ?? countedWrite,
  });
  const stop = new AbortController();
  const controller = live(world, transport, stop.signal);
  const observed = new Map<string, unknown>();
  const writesIn = new Map<string, number>();
  try {
    for (const step of world.steps) {
      const before = transport.writes.length;
      await step.act();
      const limit = {
        ms: scenario.stepMs ?? 30_000,
        pollMs: scenario.pollMs ?? POLL_MS,
        controller,
      };
      const quiet = staysQuiet(scenario.quietMs ?? 1000);
      const caughtUp = (): boolean =>
        transport.dead.aborted ||
        transport.writes.length - before >= (calm?.writesIn.get(step.name) ?? 0);
      const done =
        calm === undefined ? quiet : equals(calm.observed.get(step.name), caughtUp, quiet);
      observed.set(step.name, await settle(step, done, limit));
      writesIn.set(step.name, transport.writes.length - before);
    }
  } finally {
    stop.abort();
    await controller;
    await world.close();
  }
  return { writes: transport.writes, crashed: transport.dead.aborted, observed, writesIn };
}

/** The controller's process until its crash, then the process that comes after it. */
async function live(world: CrashWorld, first: CrashTransport, stop: AbortSignal): Promise<void> {
  const life = new AbortController();
  const end = (): void => life.abort(stop.reason);
  const die = (): void => life.abort(CRASH);
  if (stop.aborted) end();
  stop.addEventListener('abort', end, { once: true });
  first.dead.addEventListener('abort', die, { once: true });
  await world.run(first, life.signal);
  stop.removeEventListener('abort', end);
  if (first.dead.aborted && !stop.aborted) await world.run(world.transport, stop);
}

type Judge = (observed: unknown) => { readonly done: boolean; readonly expected?: unknown };

/** The undisturbed run decides what is expected: what stays the same for a while. */
function staysQuiet(quietMs: number): Judge {
  let last: unknown;
  let looks = 0;
  let since = systemClock.monotonic();
  return (observed) => {
    const now = systemClock.monotonic();
    looks += 1;
    if (!isDeepStrictEqual(observed, last)) {
      looks = 0;
      since = now;
    }
    last = observed;
    return { done: looks >= QUIET_LOOKS && now - since >= quietMs };
  };
}

/** What was expected is there, and no write of the undisturbed run is still to come. */
function equals(expected: unknown, caughtUp: () => boolean, quiet: Judge): Judge {
  return (observed) => {
    const still = quiet(observed).done;
    return { done: isDeepStrictEqual(observed, expected) && (caughtUp() || still), expected };
  };
}

/** What was observed once the step had settled and `judge` agreed. */
async function settle(
  step: CrashStep,
  judge: Judge,
  limit: { readonly ms: number; readonly pollMs: number; readonly controller: Promise<void> },
): Promise<unknown> {
  let failed: { readonly error: unknown } | undefined;
  limit.controller.catch((error: unknown) => {
    failed = { error };
  });
  const deadline = systemClock.monotonic() + limit.ms;
  for (;;) {
    const settled = await step.settled();
    const observed = await step.observe();
    const { done, expected } = judge(observed);
    if (settled && done) return observed;
    if (failed !== undefined) throw failed.error;
    if (systemClock.monotonic() > deadline)
      throw new Error(
        `step "${step.name}" is not there after ${limit.ms} ms (settled: ${settled}): ` +
          `${JSON.stringify(observed)}, expected ${JSON.stringify(expected)}`,
      );
    await systemClock.sleep(limit.pollMs);
  }
}

import type { Clock } from '../../base/clock.ts';
import { ClawError } from '../../base/error.ts';
import { EXIT } from '../../protocol/pod-contract.ts';

/** Time that is kept for the program's own end, before the kubelet's SIGKILL. */
const MARGIN_SECONDS = 3;

/** Runs out with the signal, or so long after now; the timer is gone when disposed of. */
export function giveUpAfter(
  seconds: number,
  clock: Clock,
  signal: AbortSignal,
): Disposable & { readonly signal: AbortSignal } {
  const late = new AbortController();
  const done = new AbortController();
  void clock.sleep(seconds * 1000, done.signal).then(
    () => late.abort(new ClawError('Timeout', `not done after ${seconds} s`)),
    () => undefined,
  );
  return {
    signal: AbortSignal.any([late.signal, signal]),
    [Symbol.dispose]: () => done.abort(),
  };
}

/**
 * For sidecars, whose work begins with SIGTERM: runs out shortly before the grace period that starts
 * with `stop`, and never before.
 */
export function giveUpAfterStop(
  stop: AbortSignal,
  graceSeconds: number,
  clock: Clock,
): Disposable & { readonly signal: AbortSignal } {
  const late = new AbortController();
  const done = new AbortController();
  const start = (): void => {
    const seconds = Math.max(1, graceSeconds - MARGIN_SECONDS);
    void clock.sleep(seconds * 1000, done.signal).then(
      () => late.abort(new ClawError('Timeout', `not done ${seconds} s after SIGTERM`)),
      () => undefined,
    );
  };
  if (stop.aborted) start();
  else stop.addEventListener('abort', start, { once: true });
  return {
    signal: late.signal,
    [Symbol.dispose]: () => {
      stop.removeEventListener('abort', start);
      done.abort();
    },
  };
}

/** Resolves when the signal fires. */
export async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), { once: true });
  await promise;
}

/**
 * Exit code of an init container that SIGTERM cut short, or that the server gave no answer in time: its
 * outage costs no retry. Rethrows every other end.
 */
export function endedFromOutside(thrown: unknown, stop: AbortSignal, giveUp: AbortSignal): number {
  if (stop.aborted) return EXIT.terminated;
  if (giveUp.aborted && isAbsence(thrown)) return EXIT.wait;
  throw thrown;
}

/**
 * A fault of ours in the answer stays one, however often it is asked for, and so does work that takes
 * too long without one failure: the pod fails by them, or its row would be tried for ever.
 */
function isAbsence(thrown: unknown): boolean {
  if (!(thrown instanceof ClawError))
    return thrown instanceof Error && thrown.name === 'AbortError';
  if (thrown.code !== 'Timeout') return false;
  const { cause } = thrown;
  if (!(cause instanceof ClawError)) return cause !== undefined;
  return cause.code !== 'CorruptArtifact' && cause.details['status'] !== 500;
}

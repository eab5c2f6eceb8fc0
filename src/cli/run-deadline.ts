import { ClawError } from '../base/error.ts';

/** A run's time limit as an abort signal. */
export interface RunDeadline extends Disposable {
  readonly signal: AbortSignal;
}

/** The longest time that one timer of Node holds; it fires at once beyond. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Fires after a manifest's `spec.activeDeadlineSeconds`, with the sentence that the user reads. */
export function runDeadline(seconds: number | undefined): RunDeadline {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const wait = (leftMs: number): void => {
    const ms = Math.min(leftMs, MAX_TIMER_MS);
    timer = setTimeout(() => (leftMs > ms ? wait(leftMs - ms) : pass()), ms);
  };
  const pass = (): void => {
    controller.abort(
      new ClawError(
        'Timeout',
        `the run's activeDeadlineSeconds of ${seconds} s passed; run the same command again to continue`,
      ),
    );
  };
  if (seconds !== undefined) wait(seconds * 1000);
  return { signal: controller.signal, [Symbol.dispose]: () => clearTimeout(timer) };
}

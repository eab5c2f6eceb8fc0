import { ClawError } from '../base/error.ts';

/**
 * Ctrl-C and SIGTERM as an abort signal. The first asks for a clean stop; the second ends the process
 * at once, which loses nothing either: what was decided is on disk.
 */
export function stopSignal(
  say: (text: string) => void,
): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const stop = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(130);
    say(`\n${name}: stopping; run the same command again to continue\n`);
    controller.abort(new ClawError('Cancelled', `stopped by ${name}`));
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      process.off('SIGINT', stop);
      process.off('SIGTERM', stop);
    },
  };
}

/**
 * True where `thrown` is the fired signal at work and not a fault that came at the same time: only
 * then may a message say "stopped" in its place.
 */
export function isStop(thrown: unknown, signal: AbortSignal): boolean {
  if (!signal.aborted) return false;
  if (thrown === signal.reason) return true;
  if (thrown instanceof ClawError) return thrown.code === 'Cancelled';
  return thrown instanceof Error && thrown.name === 'AbortError';
}

/** Something that opens while other work goes on. */
export interface OpeningAhead<T> extends AsyncDisposable {
  readonly value: Promise<T>;
}

/**
 * Starts to open it at once. Disposing stops an opening that nobody waits for any more and closes
 * what was opened; a failure shows in `value` only.
 */
export function openAhead<T extends AsyncDisposable>(
  open: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): OpeningAhead<T> {
  const unwanted = new AbortController();
  const value = open(AbortSignal.any([signal, unwanted.signal]));
  const settled = value.catch(() => undefined);
  return {
    value,
    [Symbol.asyncDispose]: async () => {
      unwanted.abort();
      await (await settled)?.[Symbol.asyncDispose]();
    },
  };
}

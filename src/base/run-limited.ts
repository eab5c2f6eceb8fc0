/**
 * Runs `work` over the items, at most `limit` at a time, in order of start. Stops handing out items
 * when the signal fires or one rejects; resolves or rejects only when everything started has ended.
 */
export async function runLimited<T>(
  items: Iterable<T>,
  limit: number,
  work: (item: T) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  let failed = false;
  const lane = async (): Promise<void> => {
    while (!failed && !signal.aborted) {
      const next = iterator.next();
      if (next.done) return;
      try {
        await work(next.value);
      } catch (cause) {
        failed = true;
        throw cause;
      }
    }
  };
  const lanes = Array.from({ length: Math.max(1, limit) }, lane);
  const settled = await Promise.allSettled(lanes);
  const rejected = settled.find((result) => result.status === 'rejected');
  if (rejected) throw rejected.reason;
}

import { isAborted, KubeError } from '../base/kube-error.ts';
import type { WatchEvent } from '../client/resource-client.ts';
import type { KubeObject } from '../objects/kube-object.ts';
import { keyOf } from '../objects/object-key.ts';
import { type ReflectorContext, WorkSlice } from './reflector-context.ts';
import { takeObject } from './take-object.ts';

/**
 * Watches from `version` until the server ends the stream, telling `advance` of every version that
 * is in. Throws KubeError: `Expired`, other Status of the server, `ConnectionFailed`,
 * `InvalidAnswer` (cut line), `RequestTimeout` where nothing came for the inactivity limit.
 */
export async function watchFrom<T extends KubeObject>(
  context: ReflectorContext<T>,
  version: string,
  advance: (version: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const { client, clock, metrics, name, numbers, random, selection, target } = context;
  const [least, most] = numbers.watchSeconds;
  const slice = new WorkSlice(clock, numbers.sliceMs);
  using limit = new InactivityLimit(context, signal);
  let opened = false;
  const heard = () => {
    limit.touch();
    if (!opened) metrics.watchOpened(name);
    opened = true;
  };
  try {
    const events = client.watch(selection, {
      signal: limit.signal,
      resourceVersion: version,
      serverTimeoutSeconds: Math.floor(least + random() * (most - least)),
      onInvalid: (invalid) => {
        heard();
        if (invalid.event === 'DELETED' && invalid.key) target.remove(invalid.key);
        target.invalid(invalid);
        if (invalid.resourceVersion !== undefined) advance(invalid.resourceVersion);
      },
    });
    for await (const event of events) {
      if (limit.signal.aborted) break;
      heard();
      advance(take(context, event));
      if (slice.spent) await slice.turn();
    }
    if (!limit.signal.aborted) heard();
  } catch (thrown) {
    if (!(limit.exceeded && isAborted(thrown))) throw thrown;
  }
  signal.throwIfAborted();
  if (limit.exceeded)
    throw new KubeError(
      'RequestTimeout',
      `watch of ${context.name}: neither event nor bookmark for ${numbers.inactivityMs} ms; watching anew`,
      { retryable: true },
    );
}

/** Applies one event and gives the version up to which the target is current. */
function take<T extends KubeObject>(context: ReflectorContext<T>, event: WatchEvent<T>): string {
  const { metrics, name, target } = context;
  metrics.event(name, event.type);
  if (event.type === 'BOOKMARK') return event.resourceVersion;
  if (event.type === 'DELETED') target.remove(keyOf(event.object), event.object);
  else takeObject(context, event.object, event.type);
  const { resourceVersion } = event.object.metadata;
  if (resourceVersion === undefined)
    throw new KubeError('InvalidAnswer', `watch of ${name}: an event without resourceVersion`);
  return resourceVersion;
}

/** Aborts one watch when nothing was heard for the limit, or when the reflector ends. */
class InactivityLimit implements Disposable {
  readonly #controller = new AbortController();
  readonly #ended = new AbortController();
  readonly #context: Pick<ReflectorContext<KubeObject>, 'clock' | 'numbers'>;
  readonly #outer: AbortSignal;
  #heardMs: number;
  exceeded = false;

  constructor(
    context: Pick<ReflectorContext<KubeObject>, 'clock' | 'numbers'>,
    outer: AbortSignal,
  ) {
    this.#context = context;
    this.#outer = outer;
    this.#heardMs = context.clock.monotonic();
    outer.addEventListener('abort', this.#stop, { once: true });
    if (outer.aborted) this.#stop();
    void this.#guard();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  touch(): void {
    this.#heardMs = this.#context.clock.monotonic();
  }

  [Symbol.dispose](): void {
    this.#outer.removeEventListener('abort', this.#stop);
    this.#ended.abort();
  }

  readonly #stop = (): void => this.#controller.abort(this.#outer.reason);

  async #guard(): Promise<void> {
    const { clock, numbers } = this.#context;
    try {
      for (;;) {
        const left = this.#heardMs + numbers.inactivityMs - clock.monotonic();
        if (left <= 0) break;
        await clock.sleep(left, this.#ended.signal);
      }
    } catch {
      return; // The watch ended before its limit.
    }
    this.exceeded = true;
    this.#controller.abort(new Error('the watch is silent'));
  }
}

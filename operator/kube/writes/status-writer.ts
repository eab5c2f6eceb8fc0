import type { Clock } from '../base/clock.ts';
import { sameJson } from '../base/same-json.ts';
import type { ResourceClient } from '../client/resource-client.ts';
import type { KubeObject } from '../objects/kube-object.ts';
import { keyOf, type ObjectKey } from '../objects/object-key.ts';
import type { EventNote, EventRecorder } from './event-recorder.ts';

export interface StatusWriterOptions<T extends KubeObject> {
  readonly client: ResourceClient<T>;
  readonly fieldManager: string;
  readonly clock: Clock;
  /** Told of events after the write that they belong to. */
  readonly recorder?: Pick<EventRecorder, 'record'>;
  /** Told of every answer, so that the next run can wait for its cache: `WrittenVersions`. */
  readonly written?: { record(key: ObjectKey, answer: KubeObject): void };
  /** Writes of one object are at least so far apart, default 1 s. */
  readonly minIntervalMs?: number;
}

/** What became of a status. `waitMs`: ask for another run after it, the status was not written. */
export type StatusWrite<T> =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'written'; readonly object: T }
  | { readonly kind: 'postponed'; readonly waitMs: number };

/**
 * Writes the whole status of an object: only when it means something else than the one observed, at
 * most about once a second, by server-side apply. It is locked to the version of the object that was
 * observed (a uid alone is not looked at in the status subresource): a status drawn from an old view
 * is a `Conflict`, so a former leader cannot put one over a newer one.
 */
export class StatusWriter<T extends KubeObject & { readonly status?: unknown }> {
  readonly #options: StatusWriterOptions<T>;
  readonly #writtenAt = new Map<string, number>();

  constructor(options: StatusWriterOptions<T>) {
    this.#options = options;
  }

  /**
   * @param object As last observed or written by this run.
   * @param notes Events of this change: recorded only when the write succeeded.
   */
  async write(
    object: T,
    status: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
    notes: readonly EventNote[] = [],
  ): Promise<StatusWrite<T>> {
    if (sameJson(object.status, status)) return { kind: 'unchanged' };
    const { client, clock, fieldManager, recorder, written } = this.#options;
    const { name, namespace, resourceVersion, uid = '' } = object.metadata;
    const waitMs = this.#waitMs(uid);
    if (waitMs > 0) return { kind: 'postponed', waitMs };
    const answer = await client.applyStatus(
      { metadata: { name, namespace, resourceVersion }, status },
      { signal, fieldManager, force: true },
    );
    this.#writtenAt.set(uid, clock.monotonic());
    written?.record(keyOf(object), answer);
    for (const note of notes) recorder?.record(note);
    return { kind: 'written', object: answer };
  }

  /** Drops what is older than the interval on the way, so that the map stays small. */
  #waitMs(uid: string): number {
    const { clock, minIntervalMs = 1000 } = this.#options;
    const now = clock.monotonic();
    for (const [known, at] of this.#writtenAt) {
      if (now - at < minIntervalMs) break;
      this.#writtenAt.delete(known);
    }
    const at = this.#writtenAt.get(uid);
    return at === undefined ? 0 : Math.max(0, at + minIntervalMs - now);
  }
}

import type { Clock } from '../base/clock.ts';
import { isAlreadyExists, isNotFound, KubeError } from '../base/kube-error.ts';
import type { Logger } from '../base/logger.ts';
import { truncateText } from '../base/truncate-text.ts';
import type { CallOptions, NewObject, ResourceClient } from '../client/resource-client.ts';
import { shortHash } from '../objects/child-names.ts';
import type { KubeObject } from '../objects/kube-object.ts';
import { stampMicro } from '../objects/time-stamps.ts';
import type { KubeEvent } from './event-resource.ts';

/** Limits of events.k8s.io/v1; the note counts in bytes. */
const MAX_NOTE_BYTES = 1024;
const MAX_NAME = 253;
/** A series that was silent for so long is over: the next event begins a new one (client-go's). */
const SERIES_END_MS = 6 * 60_000;
const MAX_TRIES = 5;

/** What happened to an object, for people. */
export interface EventNote {
  readonly regarding: KubeObject;
  /** A second object, for example the child that was made. */
  readonly related?: KubeObject;
  /** Default `Normal`. */
  readonly type?: 'Normal' | 'Warning';
  /** CamelCase, why: unique and specific, for programs. */
  readonly reason: string;
  /** CamelCase, what the controller did. */
  readonly action: string;
  /** Cut at 1,024 bytes. */
  readonly note: string;
}

export interface EventRecorderOptions {
  readonly events: ResourceClient<KubeEvent>;
  /** Qualified name: `example.com/echo-controller`. */
  readonly reportingController: string;
  /** This process, for example the pod's name. */
  readonly reportingInstance: string;
  readonly fieldManager: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Events and series that are remembered, default 1,000; more are dropped and counted. */
  readonly capacity?: number;
  /** A running series is written at most so often, default 30 s. */
  readonly seriesIntervalMs?: number;
  /** Pause before a failed write is tried again, default 10 s. */
  readonly retryMs?: number;
}

interface Entry {
  readonly name: string;
  readonly note: EventNote;
  readonly firstMs: number;
  lastMs: number;
  count: number;
  created: boolean;
  tries: number;
  /** Monotonic moment of the next write; undefined when all is written. */
  dueAt: number | undefined;
  writtenAt: number;
}

/**
 * Writes events of events.k8s.io/v1 in the background. The same event again (all but the note equal)
 * becomes a series with a count. `record` never waits, never throws and never fails a reconcile:
 * events are best effort. Record after the status write succeeded, else a retry tells twice.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  readonly #capacity: number;
  #wake: (() => void) | undefined;
  #dropped = 0;
  #begun = 0;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#capacity = options.capacity ?? 1000;
  }

  /** Events that were given up: too many at once, or the API server did not take them. */
  get dropped(): number {
    return this.#dropped;
  }

  record(note: EventNote): void {
    const now = this.#clock.monotonic();
    const key = seriesKey(note);
    const known = this.#entries.get(key);
    if (known === undefined || this.#over(known, now)) {
      this.#begin(key, note, now);
    } else {
      known.count += 1;
      known.lastMs = this.#clock.now();
      const interval = known.count === 2 ? 0 : (this.#options.seriesIntervalMs ?? 30_000);
      known.dueAt ??= Math.max(now, known.writtenAt + interval);
    }
    this.#wake?.();
  }

  /** Writes until `signal` aborts, then what is left for at most `flushMs`. Never rejects. */
  async run(signal: AbortSignal, flushMs = 2000): Promise<void> {
    const calls = new AbortController();
    const finished = new AbortController();
    const limit = (): void => {
      this.#clock.sleep(flushMs, finished.signal).then(
        () => calls.abort(),
        () => undefined,
      );
    };
    if (signal.aborted) limit();
    signal.addEventListener('abort', limit, { once: true });
    while (!signal.aborted) {
      await this.#writeDue(this.#clock.monotonic(), calls.signal);
      await this.#pause(signal);
    }
    await this.#writeDue(Number.POSITIVE_INFINITY, calls.signal);
    finished.abort();
  }

  #begin(key: string, note: EventNote, now: number): void {
    if (this.#entries.size >= this.#capacity) this.#forgetOver(now);
    if (this.#entries.size >= this.#capacity) {
      this.#dropped += 1;
      return;
    }
    const nowMs = this.#clock.now();
    const hash = shortHash(`${key}/${this.#options.reportingInstance}/${nowMs}/${now}`);
    // In the order of names events are told as they happened: kubectl sorts by a field that these lack.
    const order = nowMs.toString(16).padStart(12, '0') + this.#begun.toString(16).padStart(3, '0');
    this.#begun = (this.#begun + 1) % 0x1000;
    const suffix = `.${order}${hash}`;
    this.#entries.set(key, {
      name: `${note.regarding.metadata.name.slice(0, MAX_NAME - suffix.length)}${suffix}`,
      note,
      firstMs: nowMs,
      lastMs: nowMs,
      count: 1,
      created: false,
      tries: 0,
      dueAt: now,
      writtenAt: now,
    });
  }

  #over(entry: Entry, now: number): boolean {
    return entry.dueAt === undefined && now - entry.writtenAt > SERIES_END_MS;
  }

  #forgetOver(now: number): void {
    for (const [key, entry] of this.#entries) if (this.#over(entry, now)) this.#entries.delete(key);
  }

  /** Until something is recorded, the earliest write is due, or `signal` aborts. */
  async #pause(signal: AbortSignal): Promise<void> {
    const now = this.#clock.monotonic();
    const due = [...this.#entries.values()].flatMap((entry) => entry.dueAt ?? []);
    const ms = Math.min(SERIES_END_MS, ...due.map((at) => at - now));
    if (ms <= 0 || signal.aborted) return;
    const stop = new AbortController();
    const wake = (): void => stop.abort();
    this.#wake = wake;
    signal.addEventListener('abort', wake, { once: true });
    await this.#clock.sleep(ms, stop.signal).catch(() => undefined);
    signal.removeEventListener('abort', wake);
    this.#wake = undefined;
    this.#forgetOver(this.#clock.monotonic());
  }

  async #writeDue(until: number, signal: AbortSignal): Promise<void> {
    for (const [key, entry] of this.#entries) {
      if (entry.dueAt === undefined || entry.dueAt > until) continue;
      if (!signal.aborted) {
        await this.#attempt(key, entry, signal);
        continue;
      }
      this.#dropped += 1;
      this.#entries.delete(key);
    }
  }

  async #attempt(key: string, entry: Entry, signal: AbortSignal): Promise<void> {
    entry.dueAt = undefined;
    const { count } = entry;
    try {
      await this.#write(entry, { signal, timeoutMs: 10_000 });
    } catch (error) {
      this.#failed(key, entry, error, signal.aborted);
      return;
    }
    entry.created = true;
    entry.tries = 0;
    entry.writtenAt = this.#clock.monotonic();
    if (entry.count > count)
      entry.dueAt ??= entry.writtenAt + (this.#options.seriesIntervalMs ?? 30_000);
  }

  #failed(key: string, entry: Entry, error: unknown, ending: boolean): void {
    entry.tries += 1;
    const again = !(error instanceof KubeError) || error.retryable;
    if (again && entry.tries < MAX_TRIES && !ending) {
      entry.dueAt = this.#clock.monotonic() + (this.#options.retryMs ?? 10_000);
      return;
    }
    this.#dropped += 1;
    this.#entries.delete(key);
    const { reason, regarding } = entry.note;
    this.#options.logger.warn(
      { error, reason, kind: regarding.kind, name: regarding.metadata.name },
      'event not written',
    );
  }

  async #write(entry: Entry, call: CallOptions): Promise<void> {
    const { events, fieldManager } = this.#options;
    const write = { ...call, fieldManager };
    if (entry.created) {
      const namespace = namespaceOf(entry.note);
      const body = { series: series(entry) };
      try {
        await events.patch({ namespace, name: entry.name }, { type: 'merge', body }, write);
        return;
      } catch (thrown) {
        // Events live for an hour by default; a series may live longer.
        if (!isNotFound(thrown)) throw thrown;
      }
    }
    try {
      await events.create(this.#object(entry), write);
    } catch (thrown) {
      // An answer was lost: the event is there.
      if (!isAlreadyExists(thrown)) throw thrown;
    }
  }

  #object(entry: Entry): NewObject<KubeEvent> {
    const { regarding, related, type, reason, action, note } = entry.note;
    return {
      metadata: { namespace: namespaceOf(entry.note), name: entry.name },
      eventTime: stampMicro(entry.firstMs),
      reportingController: this.#options.reportingController,
      reportingInstance: this.#options.reportingInstance.slice(0, 128),
      type: type ?? 'Normal',
      reason,
      action,
      note: truncateText(note, MAX_NOTE_BYTES),
      regarding: reference(regarding),
      ...(related === undefined ? {} : { related: reference(related) }),
      ...(entry.count > 1 ? { series: series(entry) } : {}),
    };
  }
}

function seriesKey(note: EventNote): string {
  const { regarding, related, type, reason, action } = note;
  return JSON.stringify([
    regarding.kind,
    regarding.metadata.namespace,
    regarding.metadata.name,
    regarding.metadata.uid,
    related?.kind,
    related?.metadata.uid,
    type,
    reason,
    action,
  ]);
}

function series(entry: Entry): { count: number; lastObservedTime: string } {
  return { count: entry.count, lastObservedTime: stampMicro(entry.lastMs) };
}

/** Events on cluster-scoped objects go to `default`, as everywhere. */
function namespaceOf(note: EventNote): string {
  return note.regarding.metadata.namespace ?? 'default';
}

function reference(object: KubeObject): Record<string, unknown> {
  const { apiVersion, kind, metadata } = object;
  const { namespace, name, uid, resourceVersion } = metadata;
  return { apiVersion, kind, namespace, name, uid, resourceVersion };
}

import { Counter, Gauge, type Registry } from 'prom-client';

/** Why a cache listed again: its first list, a version that is gone, or errors that did not end. */
export type ListReason = 'start' | 'expired' | 'repeated_errors';

/** Figures of all caches of a process; `cache` is the label that tells them apart. */
export interface CacheMetrics {
  listed(cache: string, reason: ListReason, seconds: number): void;
  /** The server answered a watch: by an event, a bookmark or an orderly end. */
  watchOpened(cache: string): void;
  event(cache: string, type: string): void;
  /** A list or watch failed; `code` is that of its KubeError. */
  failed(cache: string, at: 'list' | 'watch', code: string): void;
  /**
   * A watch ended at something that is no event: a line that is cut, too long or no JSON, an unknown
   * type, no version. The client counts bad lines alone (`rest_client_bad_lines_total`).
   */
  invalidAnswer(cache: string): void;
  invalidObject(cache: string): void;
  handlerError(cache: string): void;
  size(cache: string, objects: number): void;
  /** Something proved that the cache is current: a list, an event or a bookmark. */
  heard(cache: string, nowMs: number): void;
}

/** Makes the metrics in `registry`; once a registry, for all caches together. */
export function createCacheMetrics(registry: Registry): CacheMetrics {
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, ...labels: L[]) =>
    new Counter({ name, help, labelNames: ['cache', ...labels], registers });
  const gauge = (name: string, help: string) =>
    new Gauge({ name, help, labelNames: ['cache'], registers });
  const lists = counter('kube_cache_lists_total', 'Completed lists by reason', 'reason');
  const listSeconds = gauge('kube_cache_list_seconds', 'Duration of the newest list');
  const watches = counter('kube_cache_watches_total', 'Watches that the server answered');
  const events = counter('kube_cache_events_total', 'Watch events by type', 'type');
  const failures = counter('kube_cache_failures_total', 'Failed lists and watches', 'at', 'code');
  const answers = counter('kube_cache_invalid_answers_total', 'Watches ended by a bad answer');
  const invalid = counter('kube_cache_invalid_objects_total', 'Objects that do not fit the schema');
  const handlers = counter('kube_cache_handler_errors_total', 'Change handlers that threw');
  const size = gauge('kube_cache_objects', 'Objects in the cache');
  const heard = gauge('kube_cache_last_heard_timestamp_seconds', 'Last proof of being current');
  return {
    listed: (cache, reason, seconds) => {
      lists.inc({ cache, reason });
      listSeconds.set({ cache }, seconds);
    },
    watchOpened: (cache) => watches.inc({ cache }),
    event: (cache, type) => events.inc({ cache, type }),
    failed: (cache, at, code) => failures.inc({ cache, at, code }),
    invalidAnswer: (cache) => answers.inc({ cache }),
    invalidObject: (cache) => invalid.inc({ cache }),
    handlerError: (cache) => handlers.inc({ cache }),
    size: (cache, objects) => size.set({ cache }, objects),
    heard: (cache, nowMs) => heard.set({ cache }, nowMs / 1000),
  };
}

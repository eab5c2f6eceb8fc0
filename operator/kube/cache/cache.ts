import type { Selection } from '../client/resource-client.ts';
import type { KubeObject } from '../objects/kube-object.ts';
import type { ObjectKey } from '../objects/object-key.ts';

/**
 * What controllers read: all objects of one resource and selection, kept current by a reflector.
 * Objects are shared and frozen: never change them.
 */
export interface Cache<T extends KubeObject> {
  readonly selection: Selection;
  get(key: ObjectKey): T | undefined;
  list(): readonly T[];
  /** Objects for which the index function `name` gave `value`. Throws on an unknown index. */
  byIndex(name: string, value: string): readonly T[];
  /** Resolves when the first list is in; rejects when `signal` aborts first. */
  whenSynced(signal: AbortSignal): Promise<void>;
  readonly synced: boolean;
  /** Resolves when the first list is in or was refused; rejects when `signal` aborts first. */
  whenAnswered(signal: AbortSignal): Promise<void>;
  /**
   * The API server refuses the list itself (403, 404), which is tried again until it comes: what is held
   * may be old, and what is missing may exist.
   */
  readonly refused: boolean;
  /**
   * True from the begin of a list, the first or a later one, until a whole one is in: until then
   * objects come in no order of their versions, and one that is there says nothing of the others.
   */
  readonly listing: boolean;
  /**
   * `namespace/name` of the objects whose newest state could not be read: an older one is kept, or none.
   * While there are some, an object that is not here may be there all the same.
   */
  readonly leftOut: readonly string[];
  /** Version up to which the cache is known to be current; undefined before the first list. */
  readonly resourceVersion: string | undefined;
  /**
   * Tells of changes. A handler that throws is logged and counted, never ends the reflector.
   * Returns the function that ends the subscription.
   */
  subscribe(handler: CacheHandler<T>): () => void;
}

/** Before and after of one object. A new handler is told every present object as added. */
export type CacheChange<T> =
  | { readonly type: 'added'; readonly object: T; readonly initial: boolean }
  | { readonly type: 'updated'; readonly object: T; readonly previous: T }
  | {
      readonly type: 'deleted';
      readonly object: T;
      /** True where the deletion itself was missed: `object` is the last state that was seen. */
      readonly finalStateUnknown: boolean;
    };

export type CacheHandler<T> = (change: CacheChange<T>) => void;

/** Values under which an object is found: for example the uid of its controller. */
export type IndexFunctions<T> = Readonly<Record<string, (object: T) => readonly string[]>>;

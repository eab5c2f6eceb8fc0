import type { KubeError } from '../base/kube-error.ts';
import type { KubeObject } from '../objects/kube-object.ts';
import type { ObjectKey } from '../objects/object-key.ts';
import type { Resource } from '../objects/resource.ts';

/**
 * Typed calls on one resource. Every call takes an AbortSignal, throws KubeError and gives objects
 * that went through the resource's schema. Timestamps stay text.
 */
export interface ResourceClient<T extends KubeObject> {
  readonly resource: Resource<T>;
  get(key: ObjectKey, call: CallOptions): Promise<T>;
  /** All pages. */
  list(selection: Selection, call: PageOptions): Promise<ObjectList<T>>;
  /** Page by page, so that a long list never stands in one answer. */
  pages(selection: Selection, options: PageOptions): AsyncIterable<ListPage<T>>;
  create(object: NewObject<T>, call: WriteOptions): Promise<T>;
  /** PUT: fails with `Conflict` where `metadata.resourceVersion` is not the newest. */
  replace(object: T, call: WriteOptions): Promise<T>;
  /** Server-side apply of the fields that this manager owns. */
  apply(object: ApplyObject, options: ApplyOptions): Promise<T>;
  /** Server-side apply to the status subresource. */
  applyStatus(object: ApplyObject, options: ApplyOptions): Promise<T>;
  patch(key: ObjectKey, patch: Patch, call: PatchOptions): Promise<T>;
  delete(key: ObjectKey, options: DeleteOptions): Promise<void>;
  /**
   * Ends when the server ends it. Throws `Expired` on 410, also inside the stream, the Status of any
   * other ERROR event, `InvalidAnswer` on a line that is cut or not JSON.
   */
  watch(selection: Selection, options: WatchOptions): AsyncIterable<WatchEvent<T>>;
}

export interface CallOptions {
  readonly signal: AbortSignal;
  /** Default 60 s. */
  readonly timeoutMs?: number;
}

/** What to list or watch; an undefined namespace means all of them. */
export interface Selection {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface PageOptions extends CallOptions {
  /** Objects a page, default 500: one page of 2 KB objects parses without a visible stall. */
  readonly limit?: number;
  /** `'0'` reads any cached state; undefined the newest. */
  readonly resourceVersion?: string;
  /** Told of every object that does not fit the schema and left out; without it the call throws. */
  readonly onInvalid?: (invalid: InvalidObject) => void;
}

/** An object of a list or a watch that did not fit the schema, as far as it could be read. */
export interface InvalidObject {
  /** `InvalidObject`, with the field and what was expected. */
  readonly error: KubeError;
  readonly key: ObjectKey | undefined;
  readonly resourceVersion: string | undefined;
  /** Type of the watch event; undefined in a list. */
  readonly event: 'ADDED' | 'MODIFIED' | 'DELETED' | undefined;
}

export interface ObjectList<T> {
  readonly items: readonly T[];
  /** Version of the whole list: where a watch may begin. */
  readonly resourceVersion: string;
}

export interface ListPage<T> extends ObjectList<T> {
  /** Objects after this page, where the server says. */
  readonly remaining: number | undefined;
}

export interface WriteOptions extends CallOptions {
  readonly fieldManager: string;
  readonly dryRun?: boolean;
}

export interface ApplyOptions extends WriteOptions {
  /** Take fields from other managers; only for objects that this manager alone owns. */
  readonly force?: boolean;
}

export interface PatchOptions extends WriteOptions {
  readonly subresource?: string;
}

export interface DeleteOptions extends CallOptions {
  readonly propagationPolicy?: 'Foreground' | 'Background' | 'Orphan';
  /** The object must still have this uid or version, else `Conflict`. */
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly gracePeriodSeconds?: number;
}

export interface WatchOptions extends CallOptions {
  /** Version after which events are wanted. */
  readonly resourceVersion: string;
  /** Seconds after which the server ends the watch. */
  readonly serverTimeoutSeconds: number;
  /** Told of every event whose object does not fit the schema, in order; without it the watch throws. */
  readonly onInvalid?: (invalid: InvalidObject) => void;
}

/** JSON Patch (with `test` operations for locks) or JSON merge patch. */
export type Patch =
  | { readonly type: 'json'; readonly operations: readonly JsonPatchOperation[] }
  | { readonly type: 'merge'; readonly body: unknown };

/** RFC 6902. */
export type JsonPatchOperation =
  | { readonly op: 'add' | 'replace' | 'test'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

/** An object before its creation: no status needed, apiVersion and kind come from the resource. */
export type NewObject<T extends KubeObject> = {
  // Not Omit: it forgets the known fields of a loose object.
  [K in keyof T as K extends 'apiVersion' | 'kind' | 'status' ? never : K]: T[K];
};

/** The fields that a server-side apply sends: a partial object with its name. */
export interface ApplyObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string | undefined;
    readonly [field: string]: unknown;
  };
  readonly [field: string]: unknown;
}

export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | {
      readonly type: 'BOOKMARK';
      readonly resourceVersion: string;
      /** True on the bookmark that ends the initial events of a streamed list. */
      readonly initialEventsEnd: boolean;
    };

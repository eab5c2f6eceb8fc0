import { KubeError } from '../base/kube-error.ts';
import type { KubeObject } from '../objects/kube-object.ts';
import { keyOf, type ObjectKey } from '../objects/object-key.ts';
import { apiVersionOf, type Resource, resourcePath } from '../objects/resource.ts';
import { collectPages, listPages } from './list-pages.ts';
import { checkKey, isRecord, readyForParse } from './raw-object.ts';
import { noRequestMetrics, type RequestMetrics } from './request-metrics.ts';
import type {
  ApplyObject,
  ApplyOptions,
  CallOptions,
  DeleteOptions,
  ListPage,
  NewObject,
  ObjectList,
  PageOptions,
  Patch,
  PatchOptions,
  ResourceClient,
  Selection,
  WatchEvent,
  WatchOptions,
  WriteOptions,
} from './resource-client.ts';
import type { KubeRequest, Transport } from './transport.ts';
import { watchEvents } from './watch-stream.ts';

/** Typed calls on any resource over one transport. */
export interface KubeClient {
  /** For what has no typed call: pod logs (`stream`), token requests, discovery. */
  readonly transport: Transport;
  for<T extends KubeObject>(resource: Resource<T>): ResourceClient<T>;
}

/**
 * @example
 * const client = createKubeClient({ transport });
 * const job = await client.for(jobs).get({ namespace: 'default', name: 'a' }, { signal });
 */
export function createKubeClient(options: {
  readonly transport: Transport;
  readonly metrics?: RequestMetrics;
}): KubeClient {
  const { transport, metrics = noRequestMetrics } = options;
  return {
    transport,
    for: (resource) => new TransportResourceClient(resource, transport, metrics),
  };
}

const PATCH_TYPES = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
} as const;

class TransportResourceClient<T extends KubeObject> implements ResourceClient<T> {
  readonly resource: Resource<T>;
  readonly #base: { readonly transport: Transport; readonly metrics: RequestMetrics };

  constructor(resource: Resource<T>, transport: Transport, metrics: RequestMetrics) {
    this.resource = resource;
    this.#base = { transport, metrics };
  }

  async get(key: ObjectKey, call: CallOptions): Promise<T> {
    return this.#one(call, { method: 'GET', verb: 'get', ...this.#at(key) });
  }

  list(selection: Selection, call: PageOptions): Promise<ObjectList<T>> {
    return collectPages(this.pages(selection, call));
  }

  pages(selection: Selection, options: PageOptions): AsyncIterable<ListPage<T>> {
    return listPages(this.#base, this.resource, selection, options);
  }

  async create(object: NewObject<T>, call: WriteOptions): Promise<T> {
    checkKey(this.resource, object.metadata);
    return this.#one(call, {
      method: 'POST',
      verb: 'create',
      path: resourcePath(this.resource, { namespace: object.metadata.namespace }),
      resource: this.resource.plural,
      query: writeQuery(call),
      body: this.#withType(object),
    });
  }

  async replace(object: T, call: WriteOptions): Promise<T> {
    return this.#one(call, {
      method: 'PUT',
      verb: 'update',
      ...this.#at(keyOf(object)),
      query: writeQuery(call),
      body: object,
    });
  }

  apply(object: ApplyObject, options: ApplyOptions): Promise<T> {
    return this.#apply(object, options);
  }

  applyStatus(object: ApplyObject, options: ApplyOptions): Promise<T> {
    return this.#apply(object, options, 'status');
  }

  async patch(key: ObjectKey, patch: Patch, call: PatchOptions): Promise<T> {
    return this.#one(call, {
      method: 'PATCH',
      verb: 'patch',
      ...this.#at(key, call.subresource),
      query: writeQuery(call),
      contentType: PATCH_TYPES[patch.type],
      body: patch.type === 'json' ? patch.operations : patch.body,
    });
  }

  async delete(key: ObjectKey, options: DeleteOptions): Promise<void> {
    const { propagationPolicy, preconditions, gracePeriodSeconds } = options;
    await this.#send(options, {
      method: 'DELETE',
      verb: 'delete',
      ...this.#at(key),
      body: {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        propagationPolicy,
        preconditions,
        gracePeriodSeconds,
      },
    });
  }

  watch(selection: Selection, options: WatchOptions): AsyncIterable<WatchEvent<T>> {
    return watchEvents(this.#base, this.resource, selection, options);
  }

  /** JSON is YAML, so the body of an apply needs no YAML writer. */
  async #apply(object: ApplyObject, options: ApplyOptions, subresource?: string): Promise<T> {
    return this.#one(options, {
      method: 'PATCH',
      verb: 'apply',
      ...this.#at(object.metadata, subresource),
      query: { ...writeQuery(options), force: options.force === true ? 'true' : undefined },
      contentType: 'application/apply-patch+yaml',
      body: this.#withType(object),
    });
  }

  #at(key: ObjectKey, subresource?: string): Pick<KubeRequest, 'path' | 'resource'> {
    checkKey(this.resource, key);
    const { plural } = this.resource;
    const { namespace, name } = key;
    return subresource === undefined
      ? { path: resourcePath(this.resource, { namespace, name }), resource: plural }
      : {
          path: resourcePath(this.resource, { namespace, name, subresource }),
          resource: `${plural}/${subresource}`,
        };
  }

  #withType(object: object): unknown {
    return { ...object, apiVersion: apiVersionOf(this.resource), kind: this.resource.kind };
  }

  async #one(call: CallOptions, request: Omit<KubeRequest, 'signal' | 'timeoutMs'>): Promise<T> {
    const raw = await this.#send(call, request);
    if (!isRecord(raw) || raw['kind'] === 'Status')
      throw new KubeError(
        'InvalidAnswer',
        `${request.verb} ${request.path}: the answer is no ${this.resource.kind}`,
      );
    return this.resource.parse(readyForParse(this.resource, raw));
  }

  #send(
    { signal, timeoutMs }: CallOptions,
    request: Omit<KubeRequest, 'signal' | 'timeoutMs'>,
  ): Promise<unknown> {
    return this.#base.transport.request({
      ...request,
      signal,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
  }
}

function writeQuery(call: WriteOptions): Record<string, string | undefined> {
  return {
    fieldManager: call.fieldManager,
    dryRun: call.dryRun === true ? 'All' : undefined,
    // A field that the kind does not have is an error of this program; by default it is dropped.
    fieldValidation: 'Strict',
  };
}

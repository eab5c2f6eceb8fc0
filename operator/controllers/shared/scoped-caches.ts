import type { KubeError } from '../../kube/base/kube-error.ts';
import type { Cache } from '../../kube/cache/cache.ts';
import { type CacheOptions, createCache } from '../../kube/cache/informer-cache.ts';
import type { Selection } from '../../kube/client/resource-client.ts';
import type { KubeClient } from '../../kube/client/typed-client.ts';
import type { Service } from '../../kube/controller/manager.ts';
import type { KubeObject } from '../../kube/objects/kube-object.ts';
import type { Resource } from '../../kube/objects/resource.ts';
import { joinCaches } from './joined-cache.ts';

export type Caching = Pick<
  CacheOptions<KubeObject>,
  'clock' | 'random' | 'logger' | 'metrics' | 'numbers'
>;

/** Makes the caches of an operator: of the whole cluster, or of the namespaces that it serves. */
export class ScopedCaches {
  readonly #client: KubeClient;
  readonly #namespaces: readonly string[] | undefined;
  readonly #caching: Caching;
  readonly #services: Service[] = [];

  /** @param namespaces Undefined: all of the cluster. */
  constructor(client: KubeClient, namespaces: readonly string[] | undefined, caching: Caching) {
    this.#client = client;
    this.#namespaces = namespaces;
    this.#caching = caching;
  }

  /** All caches that were made, to be run. */
  get services(): readonly Service[] {
    return this.#services;
  }

  of<T extends KubeObject>(
    resource: Resource<T>,
    selection: Omit<Selection, 'namespace'> = {},
    more: Pick<CacheOptions<T>, 'indexes' | 'project'> = {},
  ): Cache<T> {
    const open = (namespace: string | undefined): Cache<T> => {
      const cache = createCache<T>({
        client: this.#client.for(resource),
        selection: { ...selection, namespace },
        ...more,
        ...this.#caching,
        ...(namespace !== undefined && {
          onRefused: (error) => this.#refused(resource.plural, namespace, error),
        }),
      });
      this.#services.push(cache);
      return cache;
    };
    if (this.#namespaces === undefined) return open(undefined);
    return joinCaches(new Map(this.#namespaces.map((namespace) => [namespace, open(namespace)])));
  }

  #refused(plural: string, namespace: string, error: KubeError): void {
    this.#caching.logger?.warn(
      { namespace, error },
      `${plural} of namespace ${namespace} cannot be listed: nothing runs there, the others go on; ` +
        'give the operator its Role there back (helm upgrade), or take the namespace out of `namespaces` ' +
        'of the chart; the list is tried again',
    );
  }
}

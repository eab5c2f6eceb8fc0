import type { ListPage, WatchEvent } from '../../operator/kube/client/resource-client.ts';
import type { KubeObject } from '../../operator/kube/objects/kube-object.ts';

export interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/** A ConfigMap as the API server would give it. */
export function configMap(
  name: string,
  resourceVersion: string,
  more: { uid?: string; namespace?: string; labels?: Record<string, string> } = {},
): ConfigMap {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name,
      namespace: more.namespace ?? 'default',
      uid: more.uid ?? `uid-of-${name}`,
      resourceVersion,
      ...(more.labels ? { labels: more.labels } : {}),
    },
    data: { version: resourceVersion },
  };
}

export function page(resourceVersion: string, ...items: ConfigMap[]): ListPage<ConfigMap> {
  return { items, resourceVersion, remaining: 0 };
}

export function event(
  type: 'ADDED' | 'MODIFIED' | 'DELETED',
  object: ConfigMap,
): WatchEvent<ConfigMap> {
  return { type, object };
}

export function bookmark(resourceVersion: string): WatchEvent<ConfigMap> {
  return { type: 'BOOKMARK', resourceVersion, initialEventsEnd: false };
}

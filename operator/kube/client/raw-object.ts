import { KubeError } from '../base/kube-error.ts';
import type { KubeObject } from '../objects/kube-object.ts';
import type { ObjectKey } from '../objects/object-key.ts';
import { apiVersionOf, type Resource } from '../objects/resource.ts';
import type { InvalidObject } from './resource-client.ts';

/** A JSON object, not an array. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/**
 * An object as the server sent it, made ready for its schema: apiVersion and kind filled in (items of
 * built-in lists have none) and `managedFields` left out, which no controller reads and which are
 * half of the bytes. The metadata is rebuilt: deleting a field would make it a slower kind of object.
 */
export function readyForParse(resource: Resource<KubeObject>, raw: unknown): unknown {
  if (!isRecord(raw)) return raw;
  const { apiVersion = apiVersionOf(resource), kind = resource.kind, metadata, ...rest } = raw;
  if (!isRecord(metadata)) return { apiVersion, kind, metadata, ...rest };
  const { managedFields: _dropped, ...kept } = metadata;
  return { apiVersion, kind, metadata: kept, ...rest };
}

/** The object by its schema, or what is known of it where it does not fit. */
export function parseOrTell<T extends KubeObject>(
  resource: Resource<T>,
  raw: unknown,
  event: InvalidObject['event'],
): { readonly object: T } | { readonly invalid: InvalidObject } {
  try {
    return { object: resource.parse(readyForParse(resource, raw)) };
  } catch (thrown) {
    if (!(thrown instanceof KubeError) || thrown.code !== 'InvalidObject') throw thrown;
    const metadata = isRecord(raw) && isRecord(raw['metadata']) ? raw['metadata'] : {};
    const name = textOf(metadata['name']);
    const namespace = textOf(metadata['namespace']);
    return {
      invalid: {
        error: thrown,
        key:
          name === undefined
            ? undefined
            : { ...(namespace === undefined ? {} : { namespace }), name },
        resourceVersion: textOf(metadata['resourceVersion']),
        event,
      },
    };
  }
}

/** Path segments that the API server takes as a name; an empty name would mean the collection. */
export function checkKey(resource: Resource<KubeObject>, key: ObjectKey): void {
  const { namespace, name } = key;
  if (!isSegment(name) || (namespace !== undefined && !isSegment(namespace)))
    throw new KubeError(
      'BadRequest',
      `${resource.plural}: ${JSON.stringify(key)} cannot be the name of an object`,
    );
  if (resource.namespaced === (namespace === undefined))
    throw new KubeError(
      'BadRequest',
      `${resource.plural} ${name}: ${resource.namespaced ? 'a namespace is needed' : 'the resource has no namespaces'}`,
    );
}

function isSegment(text: string): boolean {
  return text !== '' && text !== '.' && text !== '..' && !/[/%]/.test(text);
}

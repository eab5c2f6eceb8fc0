import type { z } from 'zod';
import { KubeError } from '../base/kube-error.ts';
import type { KubeObject } from './kube-object.ts';

/**
 * One kind of the API as the runtime needs it: where it is served and how raw JSON becomes its
 * type. A static table of these replaces discovery.
 */
export interface Resource<T extends KubeObject> {
  /** API group; `''` is the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Lower-case plural, as in the URL. */
  readonly plural: string;
  readonly namespaced: boolean;
  /** Raw JSON to `T`. Throws KubeError `InvalidObject` with object, field and expectation. */
  readonly parse: (raw: unknown) => T;
}

/** `v1` or `group/version`. */
export function apiVersionOf(resource: Pick<Resource<KubeObject>, 'group' | 'version'>): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

/**
 * A resource whose objects are checked by a zod schema. The schema should be loose
 * (`z.looseObject`): a newer API server may send fields that it does not know.
 *
 * @example
 * const echoes = defineResource({
 *   group: 'test.example.com', version: 'v1', kind: 'Echo', plural: 'echoes', namespaced: true,
 *   schema: zKubeObject.extend({ spec: z.looseObject({ text: z.string() }) }),
 * });
 */
export function defineResource<T extends KubeObject>(definition: {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  readonly schema: z.ZodType<T>;
}): Resource<T> {
  const { schema, ...where } = definition;
  return {
    ...where,
    parse: (raw) => {
      const parsed = schema.safeParse(raw);
      if (parsed.success) return parsed.data;
      const issue = parsed.error.issues[0];
      const field = issue?.path.join('.') ?? '';
      throw new KubeError(
        'InvalidObject',
        `${apiVersionOf(where)} ${where.kind} ${nameOf(raw)}: ${field}: ${issue?.message ?? 'does not fit its schema'}`,
        { cause: parsed.error },
      );
    },
  };
}

/** URL path of the collection, or of one object or subresource of it. */
export function resourcePath(
  resource: Pick<Resource<KubeObject>, 'group' | 'version' | 'plural' | 'namespaced'>,
  at: {
    readonly namespace?: string | undefined;
    readonly name?: string;
    readonly subresource?: string;
  },
): string {
  const root =
    resource.group === '' ? `/api/${resource.version}` : `/apis/${apiVersionOf(resource)}`;
  const namespace =
    resource.namespaced && at.namespace !== undefined
      ? `/namespaces/${encodeURIComponent(at.namespace)}`
      : '';
  const name = at.name === undefined ? '' : `/${encodeURIComponent(at.name)}`;
  const subresource = at.subresource === undefined ? '' : `/${at.subresource}`;
  return `${root}${namespace}/${resource.plural}${name}${subresource}`;
}

function nameOf(raw: unknown): string {
  if (typeof raw !== 'object' || raw === null || !('metadata' in raw)) return '(no metadata)';
  const { metadata } = raw;
  if (typeof metadata !== 'object' || metadata === null || !('name' in metadata))
    return '(no name)';
  return String(metadata.name);
}

import { KubeError } from '../base/kube-error.ts';
import type { InvalidObject } from '../client/resource-client.ts';
import type { KubeObject } from '../objects/kube-object.ts';
import { keyOf } from '../objects/object-key.ts';
import type { ReflectorContext } from './reflector-context.ts';

/** Hands an object to the target; one that cannot be taken is reported and left out. */
export function takeObject<T extends KubeObject>(
  context: ReflectorContext<T>,
  object: T,
  event: InvalidObject['event'],
): void {
  try {
    context.target.upsert(object);
  } catch (thrown) {
    const key = keyOf(object);
    context.target.invalid({
      error: new KubeError(
        'InvalidObject',
        `${context.name}: ${key.namespace ?? ''}/${key.name}: an index function or projection of the cache failed: ${String(thrown)}`,
        { cause: thrown },
      ),
      key,
      resourceVersion: object.metadata.resourceVersion,
      event,
    });
  }
}

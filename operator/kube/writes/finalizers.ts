import { isNotFound } from '../base/kube-error.ts';
import type { ResourceClient, WriteOptions } from '../client/resource-client.ts';
import type { KubeObject } from '../objects/kube-object.ts';
import { lockedPatch } from './locked-patch.ts';

export function hasFinalizer(object: KubeObject, finalizer: string): boolean {
  return object.metadata.finalizers?.includes(finalizer) === true;
}

/**
 * Adds a finalizer, for what the garbage collector cannot reach; gives the object with it. An object
 * that is being deleted is given back as it is: the API server takes no new finalizers then.
 * Throws `Conflict` where the object's finalizers changed meanwhile.
 */
export async function addFinalizer<T extends KubeObject>(
  client: ResourceClient<T>,
  object: T,
  finalizer: string,
  call: WriteOptions,
): Promise<T> {
  const { deletionTimestamp, finalizers = [] } = object.metadata;
  if (deletionTimestamp !== undefined || hasFinalizer(object, finalizer)) return object;
  return await lockedPatch(
    client,
    object,
    lockOf(object),
    finalizers.length === 0
      ? [{ op: 'add', path: '/metadata/finalizers', value: [finalizer] }]
      : [{ op: 'add', path: '/metadata/finalizers/-', value: finalizer }],
    call,
  );
}

/**
 * Removes a finalizer and leaves those of others; an object that is gone is a success. Throws
 * `Conflict` where the object's finalizers changed meanwhile.
 */
export async function removeFinalizer<T extends KubeObject>(
  client: ResourceClient<T>,
  object: T,
  finalizer: string,
  call: WriteOptions,
): Promise<void> {
  const place = object.metadata.finalizers?.indexOf(finalizer) ?? -1;
  if (place < 0) return;
  try {
    await lockedPatch(
      client,
      object,
      lockOf(object),
      [{ op: 'remove', path: `/metadata/finalizers/${place}` }],
      call,
    );
  } catch (thrown) {
    if (!isNotFound(thrown)) throw thrown;
  }
}

/** An absent list cannot be tested for its absence, so the whole object is locked then. */
function lockOf({ metadata }: KubeObject): Record<string, unknown> {
  const { uid, resourceVersion, finalizers } = metadata;
  return finalizers === undefined || finalizers.length === 0
    ? { '/metadata/uid': uid, '/metadata/resourceVersion': resourceVersion }
    : { '/metadata/uid': uid, '/metadata/finalizers': finalizers };
}

import { isAlreadyExists, isNotFound, KubeError } from '../base/kube-error.ts';
import type { NewObject, ResourceClient, WriteOptions } from '../client/resource-client.ts';
import type { KubeObject } from '../objects/kube-object.ts';
import { keyText } from '../objects/object-key.ts';
import { controllerOf, isControlledBy } from '../objects/owner-references.ts';

/**
 * Creates a child under its deterministic name. Where the name is taken, the object there is read
 * live: a child of the same owner (by uid) is a success, so a repeated create does no harm.
 *
 * Throws `NotOwned` where the name belongs to somebody else, and a retryable `Conflict` where the
 * other object vanished in between.
 */
export async function createOwned<T extends KubeObject>(
  client: ResourceClient<T>,
  object: NewObject<T>,
  owner: KubeObject,
  call: WriteOptions,
): Promise<T> {
  try {
    return await client.create(object, call);
  } catch (thrown) {
    if (!isAlreadyExists(thrown)) throw thrown;
    return await existingChild(client, object, owner, call, thrown);
  }
}

async function existingChild<T extends KubeObject>(
  client: ResourceClient<T>,
  object: NewObject<T>,
  owner: KubeObject,
  call: WriteOptions,
  cause: unknown,
): Promise<T> {
  const { name, namespace } = object.metadata;
  const key = { name, namespace };
  const place = `${client.resource.kind} ${keyText(key)}`;
  let existing: T;
  try {
    existing = await client.get(key, call);
  } catch (thrown) {
    if (!isNotFound(thrown)) throw thrown;
    throw new KubeError('Conflict', `${place}: was there and is gone; create it again`, {
      cause: thrown,
      retryable: true,
    });
  }
  if (isControlledBy(existing, owner)) return existing;
  const holder = controllerOf(existing);
  throw new KubeError(
    'NotOwned',
    `${place}: belongs to ${holder === undefined ? 'nobody' : `${holder.kind} ${holder.name} (uid ${holder.uid})`}, ` +
      `expected ${owner.kind} ${owner.metadata.name} (uid ${owner.metadata.uid}); delete or rename one of the two`,
    { cause },
  );
}

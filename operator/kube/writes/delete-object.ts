import { isNotFound } from '../base/kube-error.ts';
import type { DeleteOptions, ResourceClient } from '../client/resource-client.ts';
import type { KubeObject } from '../objects/kube-object.ts';

/** What says which object: with its uid only that one, without it whatever has the name. */
export interface Deletable {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string | undefined;
    readonly uid?: string | undefined;
  };
}

/**
 * Deletes an object; one that is gone already is a success. One that was created anew under its
 * name is another one: `Conflict`, and it stays.
 */
export async function deleteObject<T extends KubeObject>(
  client: ResourceClient<T>,
  { metadata }: Deletable,
  options: DeleteOptions,
): Promise<void> {
  const { name, namespace, uid } = metadata;
  const preconditions = { ...options.preconditions, ...(uid === undefined ? {} : { uid }) };
  try {
    await client.delete({ name, namespace }, { ...options, preconditions });
  } catch (thrown) {
    if (!isNotFound(thrown)) throw thrown;
  }
}

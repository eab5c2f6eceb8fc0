import { isInvalid, KubeError } from '../base/kube-error.ts';
import type {
  JsonPatchOperation,
  ResourceClient,
  WriteOptions,
} from '../client/resource-client.ts';
import type { KubeObject } from '../objects/kube-object.ts';
import { keyOf, keyText } from '../objects/object-key.ts';

/**
 * A JSON Patch that is applied only to the object as it was seen: `locks` are its `test` operations.
 * The API server answers a patch that does not apply with 422 `Invalid` and does not say why; unlike
 * an object that does not validate it has no causes. Here it is the `Conflict` that it means.
 */
export async function lockedPatch<T extends KubeObject>(
  client: ResourceClient<T>,
  object: T,
  locks: Readonly<Record<string, unknown>>,
  operations: readonly JsonPatchOperation[],
  call: WriteOptions,
): Promise<T> {
  const tests = Object.entries(locks).map(
    ([path, value]): JsonPatchOperation => ({ op: 'test', path, value }),
  );
  try {
    return await client.patch(
      keyOf(object),
      { type: 'json', operations: [...tests, ...operations] },
      call,
    );
  } catch (thrown) {
    if (!isInvalid(thrown) || thrown.causes.length > 0) throw thrown;
    throw new KubeError(
      'Conflict',
      `${object.kind} ${keyText(keyOf(object))}: it changed since it was read; read it again`,
      { cause: thrown, retryable: true },
    );
  }
}

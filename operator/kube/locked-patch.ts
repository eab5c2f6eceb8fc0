import { isInvalid, KubeError } from './kube-error.ts';
import type { KubeObject } from './kube-object.ts';
import { keyOf, keyText } from './object-key.ts';
import type { JsonPatchOperation, ResourceClient, WriteOptions } from './resource-client.ts';

/** How the API server's JSON Patch library words a `test` that does not hold. */
const TEST_FAILED = /test failed|testing (path|value)/i;

/**
 * A JSON Patch that is applied only to the object as it was seen: `locks` are its `test` operations.
 * The API server answers a failed test with 422 `Invalid`; here it is the `Conflict` that it means.
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
    if (!isInvalid(thrown) || !TEST_FAILED.test(everyWord(thrown))) throw thrown;
    throw new KubeError(
      'Conflict',
      `${object.kind} ${keyText(keyOf(object))}: it changed since it was read; read it again`,
      { cause: thrown, retryable: true },
    );
  }
}

function everyWord(error: KubeError): string {
  return [error.message, ...error.causes.map((cause) => cause.message)].join(' ');
}

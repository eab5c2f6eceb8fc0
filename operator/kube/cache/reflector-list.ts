import { KubeError } from '../base/kube-error.ts';
import type { KubeObject } from '../objects/kube-object.ts';
import { keyOf, keyText } from '../objects/object-key.ts';
import { type ReflectorContext, WorkSlice } from './reflector-context.ts';
import { takeObject } from './take-object.ts';

/**
 * Lists page by page into the target and gives the version at which a watch may begin. Each page is
 * taken as it comes; what the whole list did not hold is dropped at its end. A list that fails half
 * way leaves newer states behind and drops nothing, so the next try must be a list again.
 *
 * An object that could not be read counts as present: its last good state is kept.
 */
export async function listAll<T extends KubeObject>(
  context: ReflectorContext<T>,
  from: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  const { client, clock, numbers, selection, target } = context;
  const present = new Set<string>();
  const slice = new WorkSlice(clock, numbers.sliceMs);
  let version: string | undefined;
  const pages = client.pages(selection, {
    signal,
    limit: numbers.pageSize,
    ...(from === undefined ? {} : { resourceVersion: from }),
    onInvalid: (invalid) => {
      if (invalid.key) present.add(keyText(invalid.key));
      target.invalid(invalid);
    },
  });
  for await (const page of pages) {
    signal.throwIfAborted();
    version ??= page.resourceVersion;
    for (const object of page.items) {
      present.add(keyText(keyOf(object)));
      takeObject(context, object, undefined);
      if (slice.spent) await slice.turn();
      signal.throwIfAborted();
    }
    await slice.turn();
  }
  signal.throwIfAborted();
  if (version === undefined)
    throw new KubeError('InvalidAnswer', `list of ${context.name}: no page at all came; retrying`, {
      retryable: true,
    });
  for (const key of target.absentFrom(present)) {
    target.remove(key);
    if (slice.spent) await slice.turn();
  }
  return version;
}

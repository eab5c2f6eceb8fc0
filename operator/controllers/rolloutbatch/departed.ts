import type { Cache } from '../../kube/cache/cache.ts';
import { keyOf, keyText, type ObjectKey } from '../../kube/objects/object-key.ts';
import type { RolloutBatch } from '../shared/kinds.ts';

/**
 * Batches that were deleted and of which the server has to hear: by now there is no object to reconcile.
 * In memory only: after a restart nobody tells it, and their rows stay as they are.
 */
export class DepartedBatches {
  readonly #uids = new Map<string, string[]>();

  constructor(batches: Cache<RolloutBatch>) {
    batches.subscribe((change) => {
      if (change.type !== 'deleted') return;
      const text = keyText(keyOf(change.object));
      this.#uids.set(text, [...(this.#uids.get(text) ?? []), change.object.metadata.uid ?? '']);
    });
  }

  /** Uids that were deleted under this name since the last call. */
  take(key: ObjectKey): readonly string[] {
    const text = keyText(key);
    const uids = this.#uids.get(text) ?? [];
    this.#uids.delete(text);
    return uids;
  }
}

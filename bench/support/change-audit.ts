import type { CacheChange } from '../../operator/kube/cache/cache.ts';
import type { KubeObject } from '../../operator/kube/objects/kube-object.ts';

/**
 * Follows what a cache tells and notes each breach of its promise: an object (by uid) is added once,
 * changed only while it is there and from the state told last, and deleted once.
 */
export class ChangeAudit {
  readonly breaches: string[] = [];
  readonly #present = new Map<string, KubeObject>();
  readonly #gone = new Set<string>();
  #changes = 0;
  #missed = 0;

  take(change: CacheChange<KubeObject>): void {
    this.#changes += 1;
    const { name, uid = '' } = change.object.metadata;
    const known = this.#present.get(uid);
    const breach = (what: string) => this.breaches.push(`${name} (${uid}): ${what}`);
    if (this.#gone.has(uid)) breach(`${change.type} after its deletion`);
    if (change.type === 'added') {
      if (known) breach('added twice');
      this.#present.set(uid, change.object);
    } else if (change.type === 'updated') {
      if (known !== change.previous) breach('changed from a state that was not told');
      this.#present.set(uid, change.object);
    } else {
      if (!known) breach('deleted, but was not there');
      if (change.finalStateUnknown) this.#missed += 1;
      this.#present.delete(uid);
      this.#gone.add(uid);
    }
  }

  /** What was told, in all; of it deletions, and of these the missed ones. */
  get counts(): { readonly changes: number; readonly deleted: number; readonly missed: number } {
    return { changes: this.#changes, deleted: this.#gone.size, missed: this.#missed };
  }

  /** Compares what was told with what is there; the rest must have been told as deleted. */
  finish(list: readonly KubeObject[]): void {
    const uids = new Set(list.map(({ metadata }) => metadata.uid));
    for (const [uid, { metadata }] of this.#present)
      if (!uids.has(uid)) this.breaches.push(`${metadata.name} (${uid}): its end was not told`);
    for (const { metadata } of list) {
      const told = this.#present.get(metadata.uid ?? '')?.metadata.resourceVersion;
      if (told !== metadata.resourceVersion)
        this.breaches.push(`${metadata.name}: told ${told}, is ${metadata.resourceVersion}`);
    }
  }
}

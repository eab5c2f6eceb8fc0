import { LABELS } from '../../../src/protocol/pod-contract.ts';
import type { Cache } from '../../kube/cache/cache.ts';
import type { SandboxPod } from '../shared/pods.ts';

/** Pods that vanished and whose end nobody has told the server yet: more of one batch are dropped. */
const MAX_GONE = 5000;

/**
 * What the cache forgets: pods that vanished before their end was told, and which ends were told. Lives
 * in memory only: after a restart every end that is still to be seen is told again, which does no
 * harm, and the server takes what it never heard of for lost (design: rollouts.md 5, `EvidenceLost`).
 */
export class PodLedger {
  readonly #gone = new Map<string, Map<string, SandboxPod>>();
  readonly #told = new Set<string>();
  readonly #open = new Set<string>();

  constructor(pods: Cache<SandboxPod>) {
    pods.subscribe((change) => {
      if (change.type === 'deleted') this.#deleted(change.object);
    });
  }

  /** From now on vanished pods of the batch are kept until they are told. */
  open(batchUid: string): void {
    this.#open.add(batchUid);
  }

  /** The batch is over or gone: nothing of it matters any more. */
  close(batchUid: string): void {
    this.#open.delete(batchUid);
    this.#gone.delete(batchUid);
  }

  gone(batchUid: string): readonly SandboxPod[] {
    return [...(this.#gone.get(batchUid)?.values() ?? [])];
  }

  isTold(podUid: string): boolean {
    return this.#told.has(podUid);
  }

  /** The server has the last evidence of these pods. */
  told(batchUid: string, podUids: readonly string[]): void {
    const gone = this.#gone.get(batchUid);
    for (const uid of podUids) if (gone?.delete(uid) !== true) this.#told.add(uid);
  }

  #deleted(pod: SandboxPod): void {
    const { uid, labels } = pod.metadata;
    const batchUid = labels?.[LABELS.batch];
    if (uid === undefined || this.#told.delete(uid)) return;
    if (batchUid === undefined || !this.#open.has(batchUid)) return;
    const gone = this.#gone.get(batchUid) ?? new Map<string, SandboxPod>();
    if (gone.size < MAX_GONE) gone.set(uid, pod);
    this.#gone.set(batchUid, gone);
  }
}

import type { BatchId, Sha256 } from '../../base/brand.ts';
import type { Clock } from '../../base/clock.ts';
import type { LivingBody } from '../../protocol/operator-api.ts';
import type { ClusterStore } from '../../store/cluster-records.ts';
import { readFrozen } from '../coordinator/frozen-spec.ts';
import type { NamedArtifacts } from './named-artifacts.ts';

export interface NamedObjectsOptions {
  readonly store: Pick<ClusterStore, 'listBatches' | 'absences' | 'setAbsence'>;
  readonly artifacts: NamedArtifacts;
  readonly clock: Clock;
}

/** Older than this, what the operator saw says nothing any more. */
const FRESH_MS = 3_600_000;

interface Origin {
  readonly namespace: string;
  readonly name: string;
}

/**
 * What the objects of the cluster still name, by the word of the operator: the server sees none. A batch
 * begins to be absent when a whole list lacks it, so that nothing counts while no operator runs.
 */
export class NamedObjects {
  readonly #options: NamedObjectsOptions;
  readonly #origins = new Map<BatchId, Origin | undefined>();
  #lacking: { readonly at: number; readonly batches: ReadonlySet<BatchId> } | undefined;
  #last: { readonly at: number; readonly whole: boolean } | undefined;

  constructor(options: NamedObjectsOptions) {
    this.#options = options;
  }

  /**
   * Artifacts that objects name, or named within the days of retention; undefined where nothing is known,
   * or not of late.
   */
  get digests(): readonly Sha256[] | undefined {
    const { artifacts, clock } = this.#options;
    if (this.#last === undefined || clock.monotonic() - this.#last.at > FRESH_MS) return undefined;
    return artifacts.digests;
  }

  /**
   * When the last list was told, in ms since the epoch, where it lacked the batch; undefined where it named
   * it, did not serve its namespace, or was told before the batch was known.
   */
  lackedAt(batch: BatchId): number | undefined {
    return this.#lacking?.batches.has(batch) ? this.#lacking.at : undefined;
  }

  /** False while a namespace could not be listed: its objects may name other artifacts. */
  get whole(): boolean {
    return this.#last?.whole ?? false;
  }

  /** Notes which batches and artifacts are named, and which are not from now on. */
  async seen(body: LivingBody): Promise<void> {
    const { artifacts, store, clock } = this.#options;
    const whole = !body.unlisted?.length;
    await artifacts.seen(body.digests, whole, clock.now());
    const known = await store.absences();
    const uids = new Set(body.batches);
    const names = new Set(body.named.map(keyOf));
    const served = body.namespaces && new Set(body.namespaces);
    const changes: Promise<void>[] = [];
    const lacking = new Set<BatchId>();
    for (const [id, origin] of await this.#batches()) {
      if (origin === undefined || served?.has(origin.namespace) === false) continue;
      const named = uids.has(id) || names.has(keyOf(origin));
      if (!named) lacking.add(id);
      if (named === !known.has(id)) continue;
      changes.push(store.setAbsence(id, named ? undefined : clock.now()));
    }
    this.#lacking = { at: clock.now(), batches: lacking };
    await Promise.all(changes);
    this.#last = { at: clock.monotonic(), whole };
  }

  /** Where each stored batch came from; undefined for what no cluster made. */
  async #batches(): Promise<ReadonlyMap<BatchId, Origin | undefined>> {
    const rows = await this.#options.store.listBatches();
    const found = new Map<BatchId, Origin | undefined>();
    for (const row of rows) {
      const origin = this.#origins.has(row.id) ? this.#origins.get(row.id) : readFrozen(row);
      found.set(row.id, origin && { namespace: origin.namespace, name: origin.name });
    }
    this.#origins.clear();
    for (const [id, origin] of found) this.#origins.set(id, origin);
    return found;
  }
}

const keyOf = ({ namespace, name }: Origin): string => `${namespace}/${name}`;

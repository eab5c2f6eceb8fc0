import type { Sha256 } from '../../base/brand.ts';
import type { ArtifactStore } from '../../store/artifacts.ts';
import type { ClusterStore } from '../../store/cluster-records.ts';
import { OBJECT_NAMES_STEP } from '../../store/retention-records.ts';

export interface NamedArtifactsOptions {
  readonly store: Pick<ClusterStore, 'objectNames' | 'setObjectNames'>;
  readonly artifacts: Pick<ArtifactStore, 'size'>;
  /** Days for which an artifact stays after the last object that named it. */
  readonly days: number;
}

const DAY_MS = 24 * 3_600_000;

/**
 * Artifacts that specs and statuses of objects name, whether a row names them or not, over restarts. Once
 * a whole list lacks one it has the same days as the rows of a batch whose object is gone.
 */
export class NamedArtifacts {
  readonly #options: NamedArtifactsOptions;
  #names: Map<Sha256, number | undefined> | undefined;

  constructor(options: NamedArtifactsOptions) {
    this.#options = options;
  }

  /** Those that objects name or did so within the days. Empty before the first list. */
  get digests(): readonly Sha256[] {
    return [...(this.#names?.keys() ?? [])];
  }

  /**
   * @param whole false where objects may name more than what was told: nothing then begins to be absent,
   *   and nothing ends
   * @param now of the wall clock; it may jump, so an end takes a list that was told after the days
   */
  async seen(named: readonly Sha256[], whole: boolean, now: number): Promise<void> {
    const { store } = this.#options;
    this.#names ??= new Map(await store.objectNames());
    const changes = await this.#changes(this.#names, new Set(named), whole ? now : undefined);
    const all = [...changes];
    for (let from = 0; from < all.length; from += OBJECT_NAMES_STEP) {
      const some = all.slice(from, from + OBJECT_NAMES_STEP);
      await store.setObjectNames(new Map(some));
      for (const [digest, since] of some) {
        if (since === 'forgotten') this.#names.delete(digest);
        else this.#names.set(digest, since);
      }
    }
  }

  async #changes(
    names: ReadonlyMap<Sha256, number | undefined>,
    named: ReadonlySet<Sha256>,
    now: number | undefined,
  ): Promise<ReadonlyMap<Sha256, number | undefined | 'forgotten'>> {
    const { artifacts, days } = this.#options;
    const changes = new Map<Sha256, number | undefined | 'forgotten'>();
    for (const digest of named) {
      if (!names.has(digest) || names.get(digest) !== undefined) changes.set(digest, undefined);
    }
    if (now === undefined) return changes;
    for (const [digest, since] of names) {
      if (named.has(digest)) continue;
      if (since !== undefined && now < since + days * DAY_MS) continue;
      // Objects may name what never was: there is nothing to keep, and nothing to remember.
      const kept = since === undefined && (await artifacts.size(digest)) !== undefined;
      changes.set(digest, kept ? now : 'forgotten');
    }
    return changes;
  }
}

import type { Sha256 } from '../../base/brand.ts';
import type { Clock } from '../../base/clock.ts';
import { type ArtifactSweep, SWEEP_PARTS } from '../../store/artifacts.ts';
import type { ClusterStore } from '../../store/cluster-records.ts';
import type { DigestCursor } from '../../store/retention-records.ts';
import { DigestFilter } from './digest-filter.ts';
import type { ModelLineage } from './model-lineage.ts';

export interface ArtifactSweeperOptions {
  readonly store: Pick<ClusterStore, 'namedDigests' | 'namedModels'>;
  readonly lineage: Pick<ModelLineage, 'of'>;
  readonly artifacts: ArtifactSweep;
  readonly clock: Clock;
}

/** What was put or wanted within this time stays: its row may be on the way. */
const GRACE_MS = 24 * 3_600_000;
/** Files that one pass looks at, about. */
const PASS_FILES = 20_000;

export interface SweepPass {
  readonly removed: number;
  readonly bytes: number;
  /** Every part was looked at since the walk began. */
  readonly whole: boolean;
}

/**
 * Mark and sweep over all artifacts, a bounded piece a pass. Marks stay good while the walk goes on:
 * what rows come to name meanwhile was put or kept within the grace, which spares it.
 */
export class ArtifactSweeper {
  readonly #options: ArtifactSweeperOptions;
  #walk: { readonly marks: DigestFilter; readonly before: number; part: number } | undefined;

  constructor(options: ArtifactSweeperOptions) {
    this.#options = options;
  }

  /** True between two passes over the same artifacts. */
  get walking(): boolean {
    return this.#walk !== undefined;
  }

  /** @param pinned artifacts that stay though no row names them */
  async pass(pinned: readonly Sha256[], signal: AbortSignal): Promise<SweepPass> {
    const { artifacts, lineage, store } = this.#options;
    const walk = this.#walk ?? (await this.#begin(signal));
    this.#walk = walk;
    for (const digest of pinned) walk.marks.add(digest);
    const models = [...(await store.namedModels()), ...pinned];
    for (const digest of await lineage.of(models, signal)) walk.marks.add(digest);
    let [seen, removed, bytes] = [0, 0, 0];
    const named = (digest: Sha256): boolean => walk.marks.has(digest);
    while (walk.part < SWEEP_PARTS && seen < PASS_FILES) {
      signal.throwIfAborted();
      const swept = await artifacts.removeUnnamed(walk.part, { named, before: walk.before });
      walk.part += 1;
      seen += swept.seen;
      removed += swept.removed;
      bytes += swept.bytes;
    }
    const whole = walk.part >= SWEEP_PARTS;
    if (whole) this.#walk = undefined;
    return { removed, bytes, whole };
  }

  async #begin(signal: AbortSignal) {
    const { store, clock } = this.#options;
    const before = clock.now() - GRACE_MS;
    const marks = new DigestFilter();
    let from: DigestCursor | undefined;
    do {
      signal.throwIfAborted();
      const { digests, next } = await store.namedDigests(from);
      for (const digest of digests) marks.add(digest);
      from = next;
      // Other work comes first: a large store has thousands of pages.
      await clock.sleep(1, signal);
    } while (from !== undefined);
    return { marks, before, part: 0 };
  }
}

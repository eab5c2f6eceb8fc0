import type { BatchId, Sha256 } from '../base/brand.ts';

/**
 * How rows end (design: rollouts.md 9): the only methods that remove any. Each is one transaction of
 * bounded length.
 */
export interface RetentionRecords {
  /** Batches that no object names, with the time since when that is known, in ms since the epoch. */
  absences(): Promise<ReadonlyMap<BatchId, number>>;
  /** `since` undefined: an object names the batch. */
  setAbsence(batch: BatchId, since: number | undefined): Promise<void>;
  /** Artifacts that objects name, and those that they named: since when none does, in ms since the epoch. */
  objectNames(): Promise<ReadonlyMap<Sha256, number | undefined>>;
  /**
   * `undefined`: objects name it; a time: none does since then; `forgotten`: nothing is known of it any
   * more. At most `OBJECT_NAMES_STEP` at once.
   */
  setObjectNames(changes: ReadonlyMap<Sha256, number | undefined | 'forgotten'>): Promise<void>;
  /** The artifact stays as long as the batch, though none of its rows names it. Idempotent. */
  pinArtifact(batch: BatchId, digest: Sha256): Promise<void>;
  /** Batches whose task set the artifact is, or whose results, a bench's included, or part of whose exports. */
  batchesOf(digest: Sha256): Promise<readonly BatchId[]>;
  /** Removes at most so many rows of the batch, the batch itself last. An unknown one is gone. */
  removeRows(
    batch: BatchId,
    most: number,
  ): Promise<{ readonly removed: number; readonly gone: boolean }>;
  /** Models that rows name as such: trained, imported, begun with, kept as policies, served to batches. */
  namedModels(): Promise<readonly Sha256[]>;
  /**
   * Digests of artifacts that rows name, page by page: all that were named when the first page was read
   * and still are. Some may name no artifact.
   */
  namedDigests(after?: DigestCursor): Promise<DigestPage>;
}

export const OBJECT_NAMES_STEP = 1000;

/** A place in the walk through all rows. */
export interface DigestCursor {
  readonly table: number;
  /** Key of the last row that was read; empty: from the beginning of the table. */
  readonly key: readonly (string | number)[];
}

export interface DigestPage {
  readonly digests: readonly Sha256[];
  /** Undefined after the last page. */
  readonly next: DigestCursor | undefined;
}

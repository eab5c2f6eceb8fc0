import type { Readable } from 'node:stream';
import type { Sha256 } from '../base/brand.ts';

/**
 * Immutable bytes named by their SHA-256 (design: architecture.md 3). A `put` that has resolved is
 * on disk (fsync of file and directory); a row may name it from then on.
 */
export interface ArtifactStore {
  put(bytes: Uint8Array): Promise<StoredArtifact>;
  /** Streams; at most `maxBytes`, else `TooLarge` and nothing is kept. */
  putStream(stream: Readable, options: { readonly maxBytes: number }): Promise<StoredArtifact>;
  /**
   * True where the artifact is there; no sweep removes it within the hours that follow, until a row
   * names it. `put` does the same.
   */
  keep(digest: Sha256): Promise<boolean>;
  /** Bytes of an artifact; undefined where there is none. */
  size(digest: Sha256): Promise<number | undefined>;
  /** Whole content, verified. Throws `NotFound` or `CorruptArtifact`. */
  read(digest: Sha256): Promise<Uint8Array>;
  /** Streams the content; verification happens at the end and destroys the stream on a mismatch. */
  stream(digest: Sha256): Promise<Readable>;
}

export interface StoredArtifact {
  readonly digest: Sha256;
  readonly size: number;
}

/** The part of an artifact store that removes what nothing names any more (design: rollouts.md 9). */
export interface ArtifactSweep {
  /**
   * Removes artifacts of one of `SWEEP_PARTS` parts that are not `named`, and of which the last put or
   * `keep` was before `before` (ms since the epoch).
   */
  removeUnnamed(
    part: number,
    options: { readonly named: (digest: Sha256) => boolean; readonly before: number },
  ): Promise<SweptArtifacts>;
}

/** By the first two digits of the digest. */
export const SWEEP_PARTS = 256;

export interface SweptArtifacts {
  readonly seen: number;
  readonly removed: number;
  /** Of those that were removed. */
  readonly bytes: number;
}

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

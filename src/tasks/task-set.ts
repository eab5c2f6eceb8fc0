import type { Sha256 } from '../base/brand.ts';
import type { Task } from './task.ts';

/** Reads the contents of task files by digest; task sets and artifact stores offer it. */
export interface BlobSource {
  /** The bytes filed under the digest, verified; throws `NotFound` or `CorruptArtifact`. */
  read(digest: Sha256): Promise<Uint8Array>;
}

/** A task set in memory: tasks in order, their digests, and access to their files. */
export interface TaskSet {
  /** SHA-256 of the task-set artifact (design: rollouts.md 8). */
  readonly digest: Sha256;
  readonly tasks: readonly TaskEntry[];
  readonly blobs: BlobSource;
}

export interface TaskEntry {
  readonly task: Task;
  readonly digest: Sha256;
}

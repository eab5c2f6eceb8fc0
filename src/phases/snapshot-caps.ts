import { MAX_NAME_BYTES, MAX_PATH_BYTES } from '../tasks/task-paths.ts';

/** Bounds of a workspace snapshot (design: rollouts.md 1). */
export interface SnapshotCaps {
  readonly totalBytes: number;
  readonly entries: number;
  readonly nameBytes: number;
  readonly pathBytes: number;
}

export const DEFAULT_SNAPSHOT_CAPS: SnapshotCaps = {
  totalBytes: 64 * 1024 * 1024,
  entries: 10_000,
  nameBytes: MAX_NAME_BYTES,
  pathBytes: MAX_PATH_BYTES,
};

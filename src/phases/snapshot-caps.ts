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

type WorkspaceSize = Pick<SnapshotCaps, 'totalBytes' | 'entries'>;

/** Room for tar headers beside the file contents: 3 KiB an entry covers pax records. */
const HEADER_BYTES = 3 * 1024;

/** The longest archive of a workspace within its caps. */
export function maxArchiveBytes({ totalBytes, entries }: WorkspaceSize): number {
  return totalBytes + (entries + 1) * HEADER_BYTES;
}

/** A file ends within a block, and a folder has one of its own. */
const BLOCK_BYTES = 4096;

/** What the volume of a workspace within its caps is counted to hold. */
export function maxUnpackedBytes({ totalBytes, entries }: WorkspaceSize): number {
  return totalBytes + entries * BLOCK_BYTES;
}

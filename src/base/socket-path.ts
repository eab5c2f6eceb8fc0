import { lstat, unlink } from 'node:fs/promises';
import { ClawError } from './error.ts';

/** `sun_path` holds 108 bytes on Linux, the last of them zero. */
const MAX_BYTES = 107;

/**
 * Makes a path free for a new Unix socket: checks its length and removes a socket that a dead
 * process left there. Anything else at the path is left alone and named.
 */
export async function claimSocketPath(path: string): Promise<void> {
  const length = Buffer.byteLength(path);
  if (length > MAX_BYTES) {
    throw new ClawError(
      'InvalidInput',
      `socket path ${path} is ${length} bytes long; at most ${MAX_BYTES} fit: use a shorter folder, for example under /tmp`,
    );
  }
  const entry = await lstat(path).catch(() => undefined);
  if (entry === undefined) return;
  if (!entry.isSocket()) {
    throw new ClawError(
      'Conflict',
      `${path} exists and is not a socket: remove it or choose another path`,
    );
  }
  await unlink(path);
}

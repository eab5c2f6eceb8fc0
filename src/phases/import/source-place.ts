import { realpath } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { ClawError, errorMessage } from '../../base/error.ts';

/**
 * Where `spec.tasks.persistentVolumeClaim.path` is on the mounted volume. The path is seen from the
 * volume's root, whatever dots it has; a link on the way may not lead out of the volume. Throws
 * `NotFound`, `UnsafePath`, and `InvalidInput` where the volume does not let us look; who shows that
 * names the path.
 */
export async function sourcePlace(mount: string, path: string): Promise<string> {
  const root = await realpath(mount);
  const wanted = join(root, resolve('/', path));
  const found = await realpath(wanted).catch((thrown: unknown) => {
    throw unreadable(thrown);
  });
  if (found === root || found.startsWith(root + sep)) return found;
  throw new ClawError(
    'UnsafePath',
    'a link on the way leads out of the volume, expected a file or folder on it',
  );
}

/** A message of the importers as somebody reads it who knows the volume and not its mount. */
export function onVolume(mount: string, message: string): string {
  return message.replaceAll(`${mount}${sep}`, '').replaceAll(mount, 'the volume');
}

function unreadable(thrown: unknown): ClawError {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new ClawError('NotFound', 'the volume has no such file or folder');
  }
  return new ClawError('InvalidInput', `it cannot be read: ${errorMessage(thrown)}`);
}

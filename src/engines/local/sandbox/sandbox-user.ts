import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { ClawError } from '../../../base/error.ts';
import type { SandboxOwner } from '../../../phases/process-sandbox.ts';

/** Host uid and gid of sandboxed programs when the engine runs as root; no account is needed. */
export const SANDBOX_UID = 60_999;

/**
 * Who sandboxed programs act as on the host. Root starts them under an unprivileged uid, so that
 * foreign code is never host uid 0; everyone else starts them as themselves (undefined).
 */
export function sandboxOwner(uid: number, override?: SandboxOwner): SandboxOwner | undefined {
  if (uid !== 0) return undefined;
  return override ?? { uid: SANDBOX_UID, gid: SANDBOX_UID };
}

/**
 * Refuses a path that the sandbox's user cannot reach, naming the folder that stops it. Bubblewrap
 * itself would only say "Permission denied".
 */
export function assertReachable(path: string, owner: SandboxOwner | undefined): void {
  if (owner === undefined) return;
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const stat = statSync(folder);
    const bit = stat.uid === owner.uid ? 0o100 : stat.gid === owner.gid ? 0o010 : 0o001;
    if ((stat.mode & bit) === 0) {
      throw new ClawError(
        'SandboxFailed',
        `the sandbox's user (uid ${owner.uid}) cannot reach ${path}: folder ${folder} has mode ` +
          `${(stat.mode & 0o7777).toString(8)}, expected the execute bit for others. Keep cache and ` +
          'output in a folder that others may enter, for example below /var/cache or /var/tmp.',
      );
    }
    if (folder === dirname(folder)) return;
  }
}

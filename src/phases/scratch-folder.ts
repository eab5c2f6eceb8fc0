import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import type { SandboxOwner } from './process-sandbox.ts';

/**
 * Makes a folder of the engine's scratch that no other user of the host can enter, however open what
 * is in it: the engine alone, and the group of `owner`, whom sandboxes of root run as, which may
 * enter and not list.
 */
export function makeScratchFolder(folder: string, owner: SandboxOwner | undefined): void {
  mkdirSync(folder, { mode: 0o700 });
  letOwnerEnter(folder, owner);
}

/** The second half of `makeScratchFolder`, for a folder that was made with mode 0700. */
export function letOwnerEnter(folder: string, owner: SandboxOwner | undefined): void {
  if (owner === undefined) return;
  chownSync(folder, -1, owner.gid);
  // After the change of group: the bit must never stand for the group before.
  chmodSync(folder, 0o710);
}

import { chmodSync, lchownSync, lstatSync, opendirSync } from 'node:fs';
import { join } from 'node:path';
import type { SandboxOwner } from './process-sandbox.ts';

/**
 * Gives a folder tree to the sandbox's user, so that a sandboxed program may write it. Links are
 * given away themselves and never followed. Files keep their modes, folders get `u+rwx`. Does
 * nothing where the sandbox runs as the caller (`owner` undefined). For trees that trusted code has
 * just laid out; a tree that an agent has touched is not safe against changes during the walk.
 */
export function makeAccessible(path: string, owner: SandboxOwner | undefined): void {
  if (owner === undefined) return;
  const pending = [path];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const stat = lstatSync(next);
    if (stat.uid !== owner.uid || stat.gid !== owner.gid) lchownSync(next, owner.uid, owner.gid);
    if (!stat.isDirectory()) continue;
    if ((stat.mode & 0o700) !== 0o700) chmodSync(next, stat.mode | 0o700);
    pending.push(...namesIn(next));
  }
}

function namesIn(folder: string): string[] {
  const paths: string[] = [];
  const handle = opendirSync(folder);
  try {
    for (let entry = handle.readSync(); entry !== null; entry = handle.readSync()) {
      paths.push(join(folder, entry.name));
    }
  } finally {
    handle.closeSync();
  }
  return paths;
}

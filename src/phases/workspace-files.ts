import {
  closeSync,
  constants,
  fchmodSync,
  lstatSync,
  mkdirSync,
  openSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ClawError } from '../base/error.ts';
import { unsafePathReason } from '../tasks/task-paths.ts';

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
/** Up to here a file is written at once: a trip through the thread pool costs ten times the write. */
const AT_ONCE_BYTES = 256 * 1024;

/**
 * Writes into a workspace folder without ever following a link: what an agent left behind must not
 * be able to redirect trusted code (design: architecture.md 4). All paths are relative and checked.
 */
export async function writeWorkspaceFile(
  root: string,
  path: string,
  content: Uint8Array | AsyncIterable<Uint8Array>,
  executable = false,
): Promise<void> {
  const target = await prepareTarget(root, path);
  const mode = executable ? 0o755 : 0o644;
  if (content instanceof Uint8Array && content.byteLength <= AT_ONCE_BYTES) {
    writeAtOnce(target, content, mode);
    return;
  }
  const file = await open(target, NEW_FILE, mode);
  try {
    await file.writeFile(content);
    if (executable) await file.chmod(0o755);
  } finally {
    await file.close();
  }
}

function writeAtOnce(target: string, content: Uint8Array, mode: number): void {
  const file = openSync(target, NEW_FILE, mode);
  try {
    writeFileSync(file, content);
    if (mode === 0o755) fchmodSync(file, mode);
  } finally {
    closeSync(file);
  }
}

/** Makes a folder and its parents; whatever else stands at a segment is removed. */
export async function makeWorkspaceFolder(root: string, path: string): Promise<string> {
  requireSafe(path);
  let current = root;
  for (const segment of path.split('/')) {
    current = join(current, segment);
    const found = entryKind(current);
    if (found === 'folder') continue;
    if (found === 'other') rmSync(current, { force: true });
    mkdirSync(current, { mode: 0o755 });
  }
  return current;
}

/** Removes a file, link or folder tree at a path whose parents are plain folders. */
export async function removeWorkspacePath(root: string, path: string): Promise<void> {
  requireSafe(path);
  const parents = path.split('/').slice(0, -1);
  let current = root;
  for (const segment of parents) {
    current = join(current, segment);
    if (entryKind(current) !== 'folder') return;
  }
  await rm(join(root, path), { recursive: true, force: true });
}

/** The path's parents exist as plain folders and nothing stands at the path itself. */
export async function prepareTarget(root: string, path: string): Promise<string> {
  requireSafe(path);
  const cut = path.lastIndexOf('/');
  const parent = cut < 0 ? root : await makeWorkspaceFolder(root, path.slice(0, cut));
  const target = join(parent, path.slice(cut + 1));
  if (entryKind(target) !== 'absent') await rm(target, { recursive: true, force: true });
  return target;
}

type EntryKind = 'absent' | 'folder' | 'other';

function entryKind(path: string): EntryKind {
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return 'absent';
    return stats.isDirectory() ? 'folder' : 'other';
  } catch {
    return 'absent';
  }
}

function requireSafe(path: string): void {
  const reason = unsafePathReason(path);
  if (reason === undefined) return;
  throw new ClawError('UnsafePath', `workspace path ${JSON.stringify(path)} ${reason}`);
}

import { chmod, lstat, mkdir, readdir, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClawError } from '../../src/base/error.ts';

/**
 * The folder in which every running cluster of this user has its own. It stands below the system's
 * temporary folder, because socket paths must be short and nothing in it survives a restart.
 */
export function stateRoot(uid: number): string {
  return join(tmpdir(), `clawgym-clusters-${uid}`);
}

/** Makes the folder, closed to other users. Fails with `UnsafePath` where someone else owns it. */
export async function openStateRoot(uid: number): Promise<string> {
  const root = stateRoot(uid);
  await mkdir(root, { recursive: true, mode: 0o700 });
  const found = await lstat(root);
  if (!found.isDirectory() || found.uid !== uid) {
    throw new ClawError('UnsafePath', `${root} must be a folder of uid ${uid}: remove it`);
  }
  await chmod(root, 0o711);
  return root;
}

/** Folders of clusters that run, start or were left behind; empty where there is no root. */
export async function clusterFolders(uid: number): Promise<readonly string[]> {
  const root = stateRoot(uid);
  const names = await readdir(root).catch(() => []);
  return names.map((name) => join(root, name));
}

/** Removes the folder where no cluster stands in it. */
export async function closeStateRoot(uid: number): Promise<void> {
  await rmdir(stateRoot(uid)).catch(() => undefined);
}

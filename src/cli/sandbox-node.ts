import { randomUUID } from 'node:crypto';
import { chmod, copyFile, mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * A Node binary that sandboxes can reach. As root they run under another uid, which cannot enter
 * every folder that a checkout may stand in, so the running binary is copied into the cache once.
 */
export async function sandboxNode(
  execPath: string,
  version: string,
  cacheDir: string,
  uid: number,
): Promise<string> {
  if (uid !== 0) return execPath;
  const folder = join(cacheDir, 'node', version);
  const target = join(folder, 'node');
  const [source, cached] = await Promise.all([stat(execPath), stat(target).catch(() => undefined)]);
  if (cached?.size === source.size) return target;
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const temporary = `${target}.${randomUUID()}`;
  try {
    await copyFile(execPath, temporary);
    await chmod(temporary, 0o755);
    await rename(temporary, target);
  } finally {
    await rm(temporary, { force: true });
  }
  return target;
}

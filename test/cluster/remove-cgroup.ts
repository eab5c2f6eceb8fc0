import { readdir, readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { waitUntil } from './wait-until.ts';

const SECONDS = 20;

/**
 * Kills what runs in the cgroup or below, then removes it, depth first. A cgroup stays busy for a
 * moment after it lists no process: its tasks are still on their way out.
 */
export async function removeCgroup(path: string): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeCgroup(join(path, entry.name));
  await waitUntil(() => killAndRemove(path), { what: `end of cgroup ${path}`, seconds: SECONDS });
}

/** True when the cgroup is gone; throws why it is not. */
async function killAndRemove(path: string): Promise<boolean> {
  const text = await readFile(join(path, 'cgroup.procs'), 'utf8').catch(() => '');
  for (const pid of text.split('\n').filter(Boolean)) kill(Number(pid));
  await rmdir(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') throw cause;
  });
  return true;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended in between.
  }
}

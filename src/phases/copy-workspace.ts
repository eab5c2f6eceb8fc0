import { lstat, mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ClawError } from '../base/error.ts';
import type { Finding } from '../rollouts/outcome.ts';
import { unsafePathReason } from '../tasks/task-paths.ts';
import type { SnapshotCaps } from './snapshot-caps.ts';
import { makeWorkspaceFolder, writeWorkspaceFile } from './workspace-files.ts';

/**
 * Copies a user's folder as a snapshot would keep it: plain files and folders, no links. Unlike a
 * snapshot it changes nothing in the source. Returns what was left out; throws `TooLarge`.
 */
export async function copyWorkspace(
  source: string,
  target: string,
  caps: SnapshotCaps,
): Promise<readonly Finding[]> {
  await mkdir(target, { recursive: true, mode: 0o755 });
  const findings: Finding[] = [];
  const used = { entries: 0, bytes: 0 };
  const names = await listFolder(source);
  for (const path of names) {
    used.entries += 1;
    if (used.entries > caps.entries) tooLarge(source, `${caps.entries} entries`);
    const reason = unsafePathReason(path);
    const stats = await lstat(join(source, path));
    if (reason !== undefined || !(stats.isDirectory() || stats.isFile())) {
      const what = reason === undefined ? 'is not a plain file' : reason;
      findings.push({ code: 'EntrySkipped', message: `${JSON.stringify(path)} ${what}` });
    } else if (stats.isDirectory()) {
      await makeWorkspaceFolder(target, path);
    } else {
      used.bytes += stats.size;
      if (used.bytes > caps.totalBytes) tooLarge(source, `${caps.totalBytes} bytes`);
      const executable = (stats.mode & 0o100) !== 0;
      await writeWorkspaceFile(target, path, await readFile(join(source, path)), executable);
    }
  }
  return findings;
}

async function listFolder(source: string): Promise<string[]> {
  try {
    return (await readdir(source, { recursive: true })).toSorted();
  } catch (cause) {
    throw new ClawError('NotFound', `workspace ${source} cannot be read: expected a folder`, {
      cause,
    });
  }
}

function tooLarge(source: string, limit: string): never {
  throw new ClawError('TooLarge', `workspace ${source} has more than ${limit}`);
}

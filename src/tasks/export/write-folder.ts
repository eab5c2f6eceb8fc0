import { lstat, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ClawError } from '../../base/error.ts';
import type { DraftFile } from '../task-draft.ts';
import { unsafePathReason } from '../task-paths.ts';

/** Writes an exported task into a new folder; never over something that is there. */
export async function writeFolder(folder: string, files: readonly DraftFile[]): Promise<void> {
  if ((await lstat(folder).catch(() => undefined)) !== undefined) {
    throw new ClawError('Conflict', `${folder}: already there; remove it or choose another --out`);
  }
  await mkdir(folder, { recursive: true });
  for (const { path, content, executable } of files) {
    const reason = unsafePathReason(path);
    if (reason !== undefined) throw new ClawError('UnsafePath', `${path}: ${reason}`);
    const target = join(folder, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, content, { flag: 'wx', mode: executable === true ? 0o755 : 0o644 });
  }
}

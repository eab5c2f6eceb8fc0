import { randomUUID } from 'node:crypto';
import { lstat, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { ClawError } from '../../base/error.ts';
import { makeFolders } from '../../base/make-folders.ts';
import type { DraftFile } from '../task-draft.ts';
import { unsafePathReason } from '../task-paths.ts';

/** An exported task: the name of its folder, and its files once they are asked for. */
export interface ExportedFolder {
  readonly name: string;
  files(): Promise<readonly DraftFile[]>;
}

/**
 * Writes one folder a task below `out`: all of them or none, and never over something that is there.
 * They are made in a folder of their own beside, then renamed. Throws `Conflict` for what is there.
 */
export async function writeFolders(
  out: string,
  folders: readonly ExportedFolder[],
  signal: AbortSignal,
): Promise<void> {
  for (const { name } of folders) await refuseExisting(join(out, name));
  makeFolders(resolve(out));
  const aside = join(out, `.export-${randomUUID()}`);
  const done: string[] = [];
  try {
    await mkdir(aside);
    for (const folder of folders) {
      signal.throwIfAborted();
      await writeFolder(join(aside, folder.name), await folder.files());
    }
    for (const { name } of folders) {
      await refuseExisting(join(out, name));
      await rename(join(aside, name), join(out, name));
      done.push(name);
    }
  } catch (cause) {
    for (const name of done) await rm(join(out, name), { recursive: true, force: true });
    throw cause;
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

/** Writes an exported task into a new folder. */
export async function writeFolder(folder: string, files: readonly DraftFile[]): Promise<void> {
  await refuseExisting(folder);
  await mkdir(folder, { recursive: true });
  for (const { path, content, executable } of files) {
    const reason = unsafePathReason(path);
    if (reason !== undefined) throw new ClawError('UnsafePath', `${path}: ${reason}`);
    const target = join(folder, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, content, { flag: 'wx', mode: executable === true ? 0o755 : 0o644 });
  }
}

/** Throws `Conflict` where anything, also a link to nothing, has that name. */
export async function refuseExisting(path: string): Promise<void> {
  if ((await lstat(path).catch(() => undefined)) !== undefined) {
    throw new ClawError('Conflict', `${path}: already there; remove it or choose another --out`);
  }
}

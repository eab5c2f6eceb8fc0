import { isUtf8 } from 'node:buffer';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage } from '../../base/error.ts';
import type { DraftFile } from '../task-draft.ts';
import { unsafePathReason } from '../task-paths.ts';
import type { ImportLimits } from './import-limits.ts';
import { fieldError } from './import-problem.ts';

/** What a folder holds, by name. */
export interface FolderEntry {
  readonly name: string;
  readonly kind: 'file' | 'folder' | 'link' | 'special';
}

/** Names in a folder, sorted by UTF-16 code units. Refuses names that are not UTF-8. */
export async function listFolder(dir: string, label: string): Promise<FolderEntry[]> {
  const { entries, unnamed } = await listNames(dir, label);
  const [first] = unnamed;
  if (first !== undefined) throw notUtf8(label, first);
  return entries;
}

export const notUtf8 = (label: string, name: string): Error =>
  fieldError('UnsafePath', label, name, 'file names in UTF-8');

/** As `listFolder`, with the names that are not UTF-8 apart, their bytes as Latin-1. */
export async function listNames(
  dir: string,
  label: string,
): Promise<{ entries: FolderEntry[]; unnamed: string[] }> {
  const found = await readdir(dir, { withFileTypes: true, encoding: 'buffer' }).catch(
    (cause: unknown) => {
      throw fieldError('InvalidInput', label, dir, `a readable folder (${errorMessage(cause)})`);
    },
  );
  const unnamed = found.filter(({ name }) => !isUtf8(name));
  const entries = found
    .filter(({ name }) => isUtf8(name))
    .map((entry): FolderEntry => {
      const kind = entry.isFile()
        ? 'file'
        : entry.isDirectory()
          ? 'folder'
          : entry.isSymbolicLink()
            ? 'link'
            : 'special';
      return { name: entry.name.toString('utf8'), kind };
    })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return { entries, unnamed: unnamed.map(({ name }) => name.toString('latin1')) };
}

/** A budget that several reads of one task share. */
export interface ReadBudget {
  bytes: number;
  files: number;
}

export const newReadBudget = (): ReadBudget => ({ bytes: 0, files: 0 });

/**
 * All files below a folder, paths relative to it, in path order. Nothing is followed: links (also
 * second names of one file), pipes, sockets and devices are refused. Sizes are checked before
 * reading.
 */
export async function readTree(
  root: string,
  label: string,
  limits: ImportLimits,
  budget: ReadBudget,
): Promise<DraftFile[]> {
  const files: DraftFile[] = [];
  const walk = async (dir: string, prefix: string, depth: number): Promise<void> => {
    if (depth > limits.depth) {
      throw fieldError('TooLarge', label, prefix, `folders nested at most ${limits.depth} deep`);
    }
    for (const { name, kind } of await listFolder(dir, label)) {
      const path = `${prefix}${name}`;
      if (kind === 'folder') {
        await walk(join(dir, name), `${path}/`, depth + 1);
        continue;
      }
      if (kind !== 'file') throw refusedKind(kind, `${label}/${path}`);
      const unsafe = unsafePathReason(path);
      if (unsafe !== undefined)
        throw fieldError('UnsafePath', label, path, `a safe name (this one ${unsafe})`);
      files.push({
        path,
        ...(await readBoundedFile(join(dir, name), `${label}/${path}`, limits, budget)),
      });
    }
  };
  await walk(root, '', 0);
  return files;
}

/** One regular file, without following a link and without blocking on a pipe. */
export async function readBoundedFile(
  path: string,
  label: string,
  limits: ImportLimits,
  budget: ReadBudget,
  fileBytes = limits.fileBytes,
): Promise<{ content: Uint8Array; executable: boolean }> {
  const before = await lstat(path).catch(() => undefined);
  if (before === undefined)
    throw fieldError('InvalidTask', label, undefined, 'a file of that name');
  if (!before.isFile()) throw refusedKind(before.isSymbolicLink() ? 'link' : 'special', label);
  const handle = await open(
    path,
    constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
  ).catch((cause: unknown) => {
    throw fieldError('InvalidTask', label, errorMessage(cause), 'a readable file');
  });
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw refusedKind('special', label);
    if (stats.nlink > 1) {
      throw fieldError(
        'UnsafePath',
        label,
        `${stats.nlink} names`,
        'a file with one name (it is hard-linked)',
      );
    }
    if (stats.size > fileBytes) {
      throw fieldError(
        'TooLarge',
        label,
        `${stats.size} bytes`,
        `at most ${fileBytes} bytes a file`,
      );
    }
    spend(budget, stats.size, label, limits);
    return {
      content: await readWhole(handle, stats.size, label),
      executable: (stats.mode & 0o111) !== 0,
    };
  } finally {
    await handle.close();
  }
}

function spend(budget: ReadBudget, bytes: number, label: string, limits: ImportLimits): void {
  budget.bytes += bytes;
  budget.files += 1;
  if (budget.bytes > limits.taskBytes) {
    throw fieldError(
      'TooLarge',
      label,
      `${budget.bytes} bytes so far`,
      `at most ${limits.taskBytes} bytes a task`,
    );
  }
  if (budget.files > limits.taskFiles) {
    throw fieldError(
      'TooLarge',
      label,
      `${budget.files} files so far`,
      `at most ${limits.taskFiles} files a task`,
    );
  }
}

async function readWhole(handle: FileHandle, size: number, label: string): Promise<Uint8Array> {
  const content = Buffer.alloc(size);
  let read = 0;
  while (read < size) {
    const { bytesRead } = await handle.read(content, read, size - read, read);
    if (bytesRead === 0) {
      throw fieldError(
        'InvalidTask',
        label,
        `${read} of ${size} bytes`,
        'a file that does not change while it is read',
      );
    }
    read += bytesRead;
  }
  return content;
}

function refusedKind(kind: string, label: string): Error {
  return kind === 'link'
    ? fieldError('UnsafePath', label, 'a symbolic link', 'a regular file')
    : fieldError('UnsafePath', label, 'a pipe, socket, device or folder', 'a regular file');
}

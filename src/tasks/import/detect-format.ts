import { lstat, open } from 'node:fs/promises';
import { join } from 'node:path';
import { ClawError } from '../../base/error.ts';
import { shown } from './import-problem.ts';
import type { SourceFormat } from './importer.ts';
import { PINCHBENCH_FILE } from './pinchbench-file.ts';
import { listNames } from './read-tree.ts';

const LOOKED_FOR = [
  'a task set (a tar file that starts with tasks.jsonl)',
  'ClawGym rows (a .jsonl file whose first row is a JSON object)',
  'a PinchBench file (task_*.md) or folder (tasks/task_*.md, or task_*.md in it)',
  'a ClawGym task folder (data_entry.json) or a folder of them',
  'a Harbor task folder (task.toml) or a folder of them',
  'a manifest with ClawTask objects (.yaml)',
].join('; ');

/** The format of a source, by what it holds. Throws `NotFound` or `InvalidInput`. */
export async function detectFormat(path: string): Promise<SourceFormat> {
  const stats = await lstat(path).catch(() => undefined);
  if (stats === undefined) throw new ClawError('NotFound', `${path}: no such file or folder`);
  if (stats.isFile()) return fileFormat(path);
  if (stats.isDirectory()) return folderFormat(path);
  throw new ClawError(
    'UnsafePath',
    `${path}: got a link or special file, expected a file or folder`,
  );
}

async function fileFormat(path: string): Promise<SourceFormat> {
  const handle = await open(path, 'r');
  const head = Buffer.alloc(512);
  let bytesRead = 0;
  try {
    ({ bytesRead } = await handle.read(head, 0, 512, 0));
  } finally {
    await handle.close();
  }
  const start = head.subarray(0, bytesRead);
  if (start.subarray(257, 262).toString('latin1') === 'ustar') return 'task-set';
  if (bytesRead === 0)
    throw new ClawError('InvalidInput', `${path}: the file is empty; looked for ${LOOKED_FOR}`);
  if (path.endsWith('.md')) return 'pinchbench';
  if (/\.ya?ml$/i.test(path)) return 'manifest';
  const text = start
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .trimStart();
  if (text.startsWith('{') || /\.(?:jsonl|ndjson)$/i.test(path)) return 'clawgym-jsonl';
  throw notFound(path, text.slice(0, 80));
}

async function folderFormat(path: string): Promise<SourceFormat> {
  const { entries } = await listNames(path, path);
  const names = new Set(entries.map(({ name }) => name));
  if (names.has('data_entry.json')) return 'clawgym-directory';
  if (names.has('task.toml')) return 'harbor';
  if (entries.some(({ name }) => PINCHBENCH_FILE.test(name))) return 'pinchbench';
  if (names.has('tasks') && (await holds(join(path, 'tasks'), PINCHBENCH_FILE)))
    return 'pinchbench';
  for (const { name, kind } of entries) {
    if (kind !== 'folder') continue;
    if (await holds(join(path, name), /^data_entry\.json$/)) return 'clawgym-directory';
    if (await holds(join(path, name), /^task\.toml$/)) return 'harbor';
  }
  throw notFound(path, [...names].slice(0, 5).join(', '));
}

async function holds(dir: string, pattern: RegExp): Promise<boolean> {
  const { entries } = await listNames(dir, dir).catch(() => ({ entries: [] }));
  return entries.some(({ name }) => pattern.test(name));
}

function notFound(path: string, seen: string): ClawError {
  return new ClawError(
    'InvalidInput',
    `${path}: no tasks found; looked for ${LOOKED_FOR}; found ${seen === '' ? 'nothing' : shown(seen)}`,
  );
}

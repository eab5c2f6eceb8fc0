import { chmodSync, lstatSync, opendirSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Finding } from '../rollouts/outcome.ts';
import { hasCode } from '../store/durable-file.ts';
import { unsafePathReason } from '../tasks/task-paths.ts';
import type { SnapshotCaps } from './snapshot-caps.ts';

/** A folder or regular file that goes into the snapshot. */
export interface ScannedEntry {
  readonly path: string;
  readonly kind: 'file' | 'folder';
  readonly size: number;
  readonly executable: boolean;
  readonly mtime: Date;
}

/** Entries in order of path, or the cap that the workspace broke. */
export type WorkspaceScan =
  | { readonly refused: string }
  | { readonly entries: readonly ScannedEntry[]; readonly findings: readonly Finding[] };

const MAX_SKIP_FINDINGS = 20;
const ENTRIES_A_TURN = 200;

interface ScanState {
  readonly root: string;
  readonly caps: SnapshotCaps;
  readonly entries: ScannedEntry[];
  readonly skipped: string[];
  total: number;
  seen: number;
}

/**
 * Lists a workspace whose agent is gone. Links are not followed and not kept, special files neither
 * (each is a finding); folders made unreadable are opened up first, since a snapshot must not depend
 * on the mood of the agent's umask.
 */
export async function scanWorkspace(root: string, caps: SnapshotCaps): Promise<WorkspaceScan> {
  const state: ScanState = { root, caps, entries: [], skipped: [], total: 0, seen: 0 };
  const refused = await scanFolder(state, '');
  if (refused !== undefined) return { refused };
  return { entries: state.entries, findings: skipFindings(state.skipped) };
}

async function scanFolder(state: ScanState, folder: string): Promise<string | undefined> {
  const absolute = join(state.root, folder);
  openUp(absolute, folder === '');
  const names = namesIn(absolute, state.caps.entries - state.seen);
  if (names === undefined) return `more than ${state.caps.entries} entries`;
  for (const raw of names) {
    const refused = await scanEntry(state, folder, raw);
    if (refused !== undefined) return refused;
  }
  return undefined;
}

/** A pod's workspace is a volume, which belongs to root: there nobody but root could close it. */
function openUp(folder: string, isRoot: boolean): void {
  try {
    chmodSync(folder, 0o755);
  } catch (thrown) {
    if (!isRoot || !hasCode(thrown, 'EPERM')) throw thrown;
  }
}

/** Sorted names as bytes; undefined where there are more than `max`: a folder may hold millions. */
function namesIn(folder: string, max: number): readonly Buffer[] | undefined {
  const names: Buffer[] = [];
  // Latin-1 keeps every byte of a name, UTF-8 or not.
  const handle = opendirSync(folder, { encoding: 'latin1' });
  try {
    for (let entry = handle.readSync(); entry !== null; entry = handle.readSync()) {
      if (names.length >= max) return undefined;
      names.push(Buffer.from(entry.name, 'latin1'));
    }
  } finally {
    handle.closeSync();
  }
  return names.toSorted((a, b) => Buffer.compare(a, b));
}

async function scanEntry(
  state: ScanState,
  folder: string,
  raw: Buffer,
): Promise<string | undefined> {
  state.seen += 1;
  // Listed at once, since each step is microseconds; but the engine must breathe between.
  if (state.seen % ENTRIES_A_TURN === 0) await nextTurn();
  const name = raw.toString('utf8');
  const path = folder === '' ? name : `${folder}/${name}`;
  if (!Buffer.from(name, 'utf8').equals(raw)) {
    state.skipped.push(`${JSON.stringify(path)} (name is not UTF-8)`);
    return undefined;
  }
  if (Buffer.byteLength(path) > state.caps.pathBytes) {
    return `a path longer than ${state.caps.pathBytes} bytes`;
  }
  const unsafe = unsafePathReason(path);
  if (unsafe !== undefined) {
    state.skipped.push(`${JSON.stringify(path)} (name ${unsafe})`);
    return undefined;
  }
  return await keepEntry(state, path, lstatSync(join(state.root, path)));
}

async function keepEntry(
  state: ScanState,
  path: string,
  stats: Stats,
): Promise<string | undefined> {
  const executable = (stats.mode & 0o100) !== 0;
  if (stats.isDirectory()) {
    state.entries.push({ path, kind: 'folder', size: 0, executable, mtime: stats.mtime });
    return await scanFolder(state, path);
  }
  if (!stats.isFile()) {
    state.skipped.push(`${path} (${specialKind(stats)})`);
    return undefined;
  }
  state.total += stats.size;
  if (state.total > state.caps.totalBytes) {
    return `more than ${state.caps.totalBytes} bytes of files`;
  }
  state.entries.push({ path, kind: 'file', size: stats.size, executable, mtime: stats.mtime });
  return undefined;
}

function specialKind(stats: Stats): string {
  if (stats.isSymbolicLink()) return 'a link';
  if (stats.isFIFO()) return 'a FIFO';
  if (stats.isSocket()) return 'a socket';
  return 'a device';
}

function skipFindings(skipped: readonly string[]): Finding[] {
  const shown = skipped
    .slice(0, MAX_SKIP_FINDINGS)
    .map(
      (what): Finding => ({ code: 'EntrySkipped', message: `not part of the snapshot: ${what}` }),
    );
  const rest = skipped.length - shown.length;
  if (rest > 0) shown.push({ code: 'EntrySkipped', message: `and ${rest} more entries` });
  return shown;
}

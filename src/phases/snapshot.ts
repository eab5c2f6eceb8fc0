import { chmodSync, closeSync, constants, openSync, readFileSync } from 'node:fs';
import { chmod, open } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Pack, pack } from 'tar-stream';
import type { Sha256 } from '../base/brand.ts';
import { wholeBytes } from '../base/whole-bytes.ts';
import type { Finding } from '../rollouts/outcome.ts';
import type { ArtifactStore } from '../store/artifacts.ts';
import { maxArchiveBytes, type SnapshotCaps } from './snapshot-caps.ts';
import { type ScannedEntry, scanWorkspace } from './snapshot-scan.ts';

type SnapshotStore = Pick<ArtifactStore, 'put' | 'putStream'>;

/** A stored snapshot, or the reason why the workspace was refused. */
export interface SnapshotResult {
  readonly digest: Sha256 | undefined;
  readonly refused: string | undefined;
  readonly findings: readonly Finding[];
}

/**
 * Stores the workspace as one tar artifact of plain folders and files. Runs after the agent is gone,
 * however it ended. A workspace beyond the caps gives no artifact but a refusal, which decides the
 * attempt against the agent (design: rollouts.md 5); the verdict then carries the finding.
 */
export async function takeSnapshot(
  workspaceDir: string,
  artifacts: SnapshotStore,
  caps: SnapshotCaps,
): Promise<SnapshotResult> {
  const scan = await scanWorkspace(workspaceDir, caps);
  if ('refused' in scan) {
    return { digest: undefined, refused: scan.refused, findings: [] };
  }
  const digest = await storeTar(workspaceDir, scan.entries, artifacts, caps);
  return { digest, refused: undefined, findings: scan.findings };
}

/** Up to here a snapshot is stored in one piece: as a stream, each of its headers is a write. */
const ONE_PIECE_BYTES = 1024 * 1024;

async function storeTar(
  root: string,
  entries: readonly ScannedEntry[],
  artifacts: SnapshotStore,
  caps: SnapshotCaps,
): Promise<Sha256> {
  const tar = pack();
  const packed = packEntries(tar, root, entries);
  const maxBytes = maxArchiveBytes(caps);
  const totalBytes = entries.reduce((sum, entry) => sum + entry.size, 0);
  const size = maxArchiveBytes({ totalBytes, entries: entries.length });
  const stored =
    size <= ONE_PIECE_BYTES
      ? wholeBytes(tar).then((bytes) => artifacts.put(bytes))
      : artifacts.putStream(Readable.from(tar), { maxBytes });
  const [{ digest }] = await Promise.all([stored, packed]).catch((cause: unknown) => {
    tar.destroy(cause instanceof Error ? cause : new Error(String(cause)));
    throw cause;
  });
  return digest;
}

async function packEntries(
  tar: Pack,
  root: string,
  entries: readonly ScannedEntry[],
): Promise<void> {
  try {
    for (const entry of entries) await packEntry(tar, root, entry);
    tar.finalize();
  } catch (cause) {
    tar.destroy(cause instanceof Error ? cause : new Error(String(cause)));
    throw cause;
  }
}

async function packEntry(tar: Pack, root: string, entry: ScannedEntry): Promise<void> {
  const header = {
    name: entry.path,
    mtime: tarTime(entry.mtime),
    mode: entry.kind === 'folder' || entry.executable ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
  };
  if (entry.kind === 'folder') {
    await writeEntry(tar, { ...header, type: 'directory' }, Buffer.alloc(0));
    return;
  }
  const path = join(root, entry.path);
  if (entry.size > AT_ONCE_BYTES) {
    await writeFile(tar, { ...header, type: 'file', size: entry.size }, path);
    return;
  }
  const content = readAtOnce(path);
  await writeEntry(tar, { ...header, type: 'file', size: content.length }, content);
}

/** Latest second (2038) that tar-stream writes: it counts in signed 32 bits and wraps beyond. */
const MAX_TAR_SECONDS = 2 ** 31 - 1;

/** The time itself where a tar header can hold it, else the nearest that it can. */
function tarTime(time: Date): Date {
  const seconds = Math.trunc(time.getTime() / 1000) || 0;
  return new Date(Math.min(Math.max(seconds, 0), MAX_TAR_SECONDS) * 1000);
}

/** Up to here a file is read at once: a stream for each of many small files costs far more. */
const AT_ONCE_BYTES = 64 * 1024;
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

function readAtOnce(path: string): Buffer {
  chmodSync(path, 0o644);
  const file = openSync(path, READ_FLAGS);
  try {
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

type EntryHeader = Parameters<Pack['entry']>[0];

function writeEntry(tar: Pack, header: EntryHeader, content: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    tar.entry(header, content, (error) => (error ? reject(error) : resolve()));
  });
}

/**
 * Streams a regular file of the size that was scanned; never follows a link, never blocks on a FIFO.
 * Contents do not go through memory whole: eight workspaces of 64 MiB may be packed at a time.
 */
async function writeFile(tar: Pack, header: EntryHeader, path: string): Promise<void> {
  await chmod(path, 0o644);
  const file = await open(path, READ_FLAGS);
  try {
    const size = header.size ?? 0;
    if (size === 0) return await writeEntry(tar, header, Buffer.alloc(0));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const sink = tar.entry(header, (error) => (error ? reject(error) : resolve()));
    const source = file.createReadStream({ start: 0, end: size - 1, autoClose: false });
    await pipeline(source, sink);
    await promise;
  } finally {
    await file.close();
  }
}

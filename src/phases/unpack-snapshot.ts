import { utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { extract } from 'tar-stream';
import { ClawError } from '../base/error.ts';
import type { SnapshotCaps } from './snapshot-caps.ts';
import { makeWorkspaceFolder, writeWorkspaceFile } from './workspace-files.ts';

/**
 * Unpacks a snapshot into a fresh folder, under the caps it was taken with. The bytes come from our
 * own store, but they describe what an agent made: names are checked again here.
 */
export async function unpackSnapshot(
  bytes: Uint8Array,
  target: string,
  caps: SnapshotCaps,
): Promise<void> {
  const tar = extract();
  const source = Readable.from([Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)]);
  source.pipe(tar);
  let entries = 0;
  for await (const entry of tar) {
    entries += 1;
    if (entries > caps.entries)
      throw new ClawError('TooLarge', `snapshot has over ${caps.entries} entries`);
    const { name, type, mode, mtime } = entry.header;
    const path = name.replace(/\/$/, '');
    const content = await buffer(entry);
    if (type === 'directory') {
      await makeWorkspaceFolder(target, path);
    } else if (type === 'file') {
      await unpackFile(target, path, content, ((mode ?? 0) & 0o100) !== 0, mtime);
    } else {
      throw new ClawError('CorruptArtifact', `snapshot entry ${JSON.stringify(path)} is a ${type}`);
    }
  }
}

async function unpackFile(
  target: string,
  path: string,
  content: Uint8Array,
  executable: boolean,
  mtime: Date | undefined,
): Promise<void> {
  await writeWorkspaceFile(target, path, content, executable);
  if (mtime) await utimes(join(target, path), mtime, mtime);
}

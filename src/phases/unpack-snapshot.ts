import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar-stream';
import { ClawError } from '../base/error.ts';
import { wholeBytes } from '../base/whole-bytes.ts';
import type { SnapshotCaps } from './snapshot-caps.ts';
import { makeWorkspaceFolder, writeWorkspaceFile } from './workspace-files.ts';

/** Up to here a file goes through memory whole: it is written at once then. */
const AT_ONCE_BYTES = 64 * 1024;

/**
 * Unpacks a snapshot into a fresh folder, under the caps it was taken with. The bytes come from our
 * own store, but they describe what an agent made: names are checked again here. Contents are
 * streamed: several large workspaces may be unpacked at a time.
 */
export async function unpackSnapshot(
  source: Readable,
  target: string,
  caps: SnapshotCaps,
): Promise<void> {
  const tar = extract();
  const piped = pipeline(source, tar);
  // A failure of the source shows in the loop or, where it comes at the very end, below.
  piped.catch(() => undefined);
  let entries = 0;
  for await (const entry of tar) {
    entries += 1;
    if (entries > caps.entries)
      throw new ClawError('TooLarge', `snapshot has over ${caps.entries} entries`);
    const { name, type, mode, mtime, size } = entry.header;
    const path = name.replace(/\/$/, '');
    if (type === 'directory') {
      await makeWorkspaceFolder(target, path);
      entry.resume();
    } else if (type === 'file') {
      const content = (size ?? 0) <= AT_ONCE_BYTES ? await wholeBytes(entry) : bytesOf(entry);
      await writeWorkspaceFile(target, path, content, ((mode ?? 0) & 0o100) !== 0);
      if (mtime) utimesSync(join(target, path), mtime, mtime);
    } else {
      throw new ClawError('CorruptArtifact', `snapshot entry ${JSON.stringify(path)} is a ${type}`);
    }
  }
  await piped;
}

async function* bytesOf(entry: AsyncIterable<unknown>): AsyncGenerator<Uint8Array> {
  for await (const chunk of entry) {
    if (!(chunk instanceof Uint8Array)) throw new ClawError('Internal', 'tar gave no bytes');
    yield chunk;
  }
}

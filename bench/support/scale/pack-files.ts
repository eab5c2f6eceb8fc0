import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';

export interface PackedFile {
  readonly path: string;
  readonly executable: boolean;
  readonly content: Uint8Array;
}

/** Files as the archive that `companion` would make of a workspace that holds them. */
export async function packFiles(files: readonly PackedFile[]): Promise<Buffer> {
  const tar = pack();
  for (const { path, executable, content } of files) {
    const mode = executable ? 0o755 : 0o644;
    const header = { name: path, mode, mtime: new Date(0), uid: 0, gid: 0 };
    tar.entry(header, Buffer.from(content));
  }
  tar.finalize();
  return await buffer(Readable.from(tar));
}

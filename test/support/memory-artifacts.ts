import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { Sha256 } from '../../src/base/brand.ts';
import { sha256 } from '../../src/base/digest.ts';
import { ClawError } from '../../src/base/error.ts';
import type { ArtifactStore } from '../../src/store/artifacts.ts';
import type { BlobSource } from '../../src/tasks/task-set.ts';

/** An artifact store without a disk, for unit tests of what uses one. */
export class MemoryArtifacts implements ArtifactStore, BlobSource {
  readonly contents = new Map<Sha256, Uint8Array>();

  async put(bytes: Uint8Array) {
    const digest = sha256(bytes);
    this.contents.set(digest, bytes);
    return { digest, size: bytes.length };
  }

  async putStream(stream: Readable, options: { readonly maxBytes: number }) {
    const bytes = await buffer(stream);
    if (bytes.length > options.maxBytes) {
      throw new ClawError('TooLarge', `more than ${options.maxBytes} bytes`);
    }
    return await this.put(bytes);
  }

  async keep(digest: Sha256) {
    return this.contents.has(digest);
  }

  async size(digest: Sha256) {
    return this.contents.get(digest)?.length;
  }

  async read(digest: Sha256) {
    const bytes = this.contents.get(digest);
    if (bytes === undefined) throw new ClawError('NotFound', `no artifact ${digest}`);
    return bytes;
  }

  async stream(digest: Sha256) {
    return Readable.from([await this.read(digest)]);
  }
}

import type { Sha256 } from '../base/brand.ts';
import { sha256 } from '../base/digest.ts';
import { ClawError } from '../base/error.ts';
import type { BlobSource } from './task-set.ts';

/** Task files held in memory by digest: what an import collects before a task set is written. */
export class MemoryBlobs implements BlobSource {
  readonly #bytes = new Map<Sha256, Uint8Array>();
  #size = 0;

  /** Files the bytes and returns their digest; the same bytes are held once. */
  put(bytes: Uint8Array, digest: Sha256 = sha256(bytes)): Sha256 {
    if (!this.#bytes.has(digest)) {
      this.#bytes.set(digest, bytes);
      this.#size += bytes.length;
    }
    return digest;
  }

  /** Bytes held in all. */
  get size(): number {
    return this.#size;
  }

  async read(digest: Sha256): Promise<Uint8Array> {
    const bytes = this.#bytes.get(digest);
    if (bytes === undefined) throw new ClawError('NotFound', `no task file with digest ${digest}`);
    return bytes;
  }
}

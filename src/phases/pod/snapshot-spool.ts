import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { asSha256, type Sha256 } from '../../base/brand.ts';
import { sha256 } from '../../base/digest.ts';
import { ClawError } from '../../base/error.ts';
import type { StoredArtifact } from '../../store/artifacts.ts';

/** A snapshot on its way: in memory where it is small, else in a file that is the container's own. */
export interface SpooledArtifact extends StoredArtifact {
  /** Its bytes from the beginning, as often as asked. */
  readonly open: () => Readable;
}

/**
 * Takes a snapshot's bytes in before they are sent: the upload can then be repeated while the server
 * is away, and what fails here was the workspace's doing, not the network's.
 */
export class SnapshotSpool {
  readonly #folder: string;
  readonly #known = new Map<Sha256, SpooledArtifact>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  async put(bytes: Uint8Array): Promise<StoredArtifact> {
    const open = (): Readable => Readable.from([bytes], { objectMode: false });
    return this.#keep({ digest: sha256(bytes), size: bytes.byteLength, open });
  }

  async putStream(
    stream: Readable,
    options: { readonly maxBytes: number },
  ): Promise<StoredArtifact> {
    const path = join(this.#folder, 'snapshot.tar');
    const hash = createHash('sha256');
    let size = 0;
    const counted = async function* (chunks: AsyncIterable<unknown>): AsyncGenerator<Uint8Array> {
      for await (const chunk of chunks) {
        if (!(chunk instanceof Uint8Array)) throw new ClawError('Internal', 'tar gave no bytes');
        size += chunk.byteLength;
        if (size > options.maxBytes) {
          throw new ClawError('TooLarge', `a snapshot is longer than ${options.maxBytes} bytes`);
        }
        hash.update(chunk);
        yield chunk;
      }
    };
    try {
      await rm(path, { force: true });
      await pipeline(stream, counted, createWriteStream(path, { mode: 0o600 }));
    } finally {
      // Whoever writes into it must not wait for a reader that will never come.
      stream.destroy();
    }
    const digest = asSha256(hash.digest('hex'));
    return this.#keep({ digest, size, open: () => createReadStream(path) });
  }

  /** What was taken in under this digest. */
  get(digest: Sha256): SpooledArtifact {
    const found = this.#known.get(digest);
    if (found === undefined) throw new ClawError('Internal', `no spooled artifact ${digest}`);
    return found;
  }

  #keep(artifact: SpooledArtifact): StoredArtifact {
    this.#known.set(artifact.digest, artifact);
    return { digest: artifact.digest, size: artifact.size };
  }
}

import { createHash, randomUUID } from 'node:crypto';
import { lstatSync, lutimesSync, mkdirSync, renameSync, type Stats } from 'node:fs';
import { mkdir, open, realpath, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { asSha256, type Sha256 } from '../base/brand.ts';
import { sha256 } from '../base/digest.ts';
import { ClawError, errorMessage } from '../base/error.ts';
import { inBlocks } from '../base/in-blocks.ts';
import type { ArtifactStore, ArtifactSweep, StoredArtifact, SweptArtifacts } from './artifacts.ts';
import {
  AT_ONCE_BYTES,
  hasCode,
  openRegular,
  readSmallRegular,
  syncFolder,
  writeNewFile,
} from './durable-file.ts';
import { ownProcessMark } from './process-mark.ts';
import { removeOfDead } from './remove-of-dead.ts';
import { sweepFolder } from './sweep-folder.ts';

const TEMPORARY = 'tmp';
/** Far below any sweep's grace. */
const TOUCH_MS = 3_600_000;
/** What a socket holds of a stream anyway: hundreds come at a time. */
const SMALL_STREAM_BYTES = 64 * 1024;
const BLOCK_BYTES = 256 * 1024;

/**
 * Opens the artifact store in a folder: `<folder>/<aa>/<sha256>`, files written once and never
 * changed. Leftovers of processes that died while they wrote are removed.
 */
export async function openFileArtifacts(
  folder: string,
  now: () => number = Date.now,
): Promise<ArtifactStore & ArtifactSweep> {
  try {
    const writable = await makeFolder(join(folder, TEMPORARY));
    const root = await realpath(folder);
    if (writable) await removeOfDead(join(root, TEMPORARY));
    return new FileArtifacts(root, now);
  } catch (cause) {
    throw unavailable(`the artifact store ${folder} cannot be opened`, cause);
  }
}

/** False where this user may only read: that is enough to show results. */
async function makeFolder(path: string): Promise<boolean> {
  try {
    await mkdir(path, { recursive: true });
    return true;
  } catch (cause) {
    if (hasCode(cause, 'EACCES', 'EROFS', 'EPERM')) return false;
    throw cause;
  }
}

class FileArtifacts implements ArtifactStore, ArtifactSweep {
  readonly #root: string;
  readonly #now: () => number;
  readonly #mark = ownProcessMark();
  /** Writes under way by digest: a second `put` must not return before the first is durable. */
  readonly #writing = new Map<Sha256, Promise<void>>();
  /** Folders whose names this process has made durable. */
  readonly #durable = new Set<string>();

  constructor(root: string, now: () => number) {
    this.#root = root;
    this.#now = now;
  }

  async put(bytes: Uint8Array): Promise<StoredArtifact> {
    const digest = sha256(bytes);
    const stored = { digest, size: bytes.byteLength };
    await this.#once(digest, async () => {
      if (await this.#keep(stored)) return;
      const temporary = this.#temporaryPath();
      try {
        await writeWhole(temporary, bytes);
        await this.#publish(temporary, digest);
      } catch (cause) {
        await rm(temporary, { force: true });
        throw cause;
      }
    });
    return stored;
  }

  async putStream(
    stream: Readable,
    options: { readonly maxBytes: number },
  ): Promise<StoredArtifact> {
    const bounded = boundedBytes(stream, options.maxBytes);
    try {
      const begun: Uint8Array[] = [];
      const whole = await takeSmall(bounded, begun);
      // Most ends of most rollouts are empty or known: nothing is written for those.
      return whole
        ? await this.put(Buffer.concat(begun))
        : await this.#putLong(continued(begun, bounded));
    } finally {
      stream.destroy();
    }
  }

  async #putLong(chunks: AsyncIterable<Uint8Array>): Promise<StoredArtifact> {
    const hash = createHash('sha256');
    let size = 0;
    const temporary = this.#temporaryPath();
    const counted = async function* (): AsyncGenerator<Uint8Array> {
      for await (const bytes of chunks) {
        size += bytes.byteLength;
        hash.update(bytes);
        yield bytes;
      }
    };
    try {
      await writeDurably(temporary, counted());
      const stored = { digest: asSha256(hash.digest('hex')), size };
      await this.#once(stored.digest, async () => {
        if (!(await this.#keep(stored))) await this.#publish(temporary, stored.digest);
      });
      return stored;
    } finally {
      await rm(temporary, { force: true });
    }
  }

  async keep(digest: Sha256): Promise<boolean> {
    const size = this.#statOf(digest)?.size;
    return size !== undefined && (await this.#keep({ digest, size }));
  }

  async removeUnnamed(
    part: number,
    options: Parameters<ArtifactSweep['removeUnnamed']>[1],
  ): Promise<SweptArtifacts> {
    const busy = (digest: Sha256): boolean => this.#writing.has(digest);
    const name = part.toString(16).padStart(2, '0');
    return await sweepFolder(join(this.#root, name), { ...options, busy });
  }

  async size(digest: Sha256): Promise<number | undefined> {
    return this.#statOf(digest)?.size;
  }

  async read(digest: Sha256): Promise<Uint8Array> {
    const handle = await openRegular(this.#path(digest));
    if (handle === undefined) throw notFound(digest);
    try {
      const bytes = await handle.readFile();
      const actual = sha256(bytes);
      if (actual !== digest) throw corrupt(digest, actual);
      return bytes;
    } finally {
      await handle.close();
    }
  }

  async stream(digest: Sha256): Promise<Readable> {
    const small = readSmallRegular(this.#path(digest));
    if (small !== undefined) return Readable.from(verifiedBytes(small, digest));
    const handle = await openRegular(this.#path(digest));
    if (handle === undefined) throw notFound(digest);
    const hash = createHash('sha256');
    const source = handle.createReadStream();
    const verified = new Transform({
      transform: (chunk: Uint8Array, _encoding, done) => {
        hash.update(chunk);
        done(null, chunk);
      },
      flush: (done) => {
        const actual = hash.digest('hex');
        done(actual === digest ? null : corrupt(digest, actual));
      },
      destroy: (reason, done) => {
        source.destroy();
        done(reason);
      },
    });
    source.on('error', (reason) => verified.destroy(reason));
    return source.pipe(verified);
  }

  #path(digest: Sha256): string {
    return join(this.#root, digest.slice(0, 2), digest);
  }

  #temporaryPath(): string {
    return join(this.#root, TEMPORARY, `${this.#mark}.${randomUUID()}`);
  }

  #statOf(digest: Sha256): Stats | undefined {
    try {
      const stat = lstatSync(this.#path(digest), { throwIfNoEntry: false });
      return stat?.isFile() === true ? stat : undefined;
    } catch (cause) {
      if (hasCode(cause, 'ENOTDIR')) return undefined;
      throw unavailable('an artifact cannot be looked up', cause);
    }
  }

  /** True where the artifact is there already, and durable. */
  async #keep(stored: StoredArtifact): Promise<boolean> {
    const stat = this.#statOf(stored.digest);
    if (stat === undefined || stat.size !== stored.size) return false;
    this.#touch(stored.digest, stat.mtimeMs);
    const folder = dirname(this.#path(stored.digest));
    // a process that died may have renamed without reaching its fsync
    if (!this.#durable.has(folder)) await this.#makeDurable(folder);
    return true;
  }

  /** A sweep goes by the modification time: it tells when the artifact was last put or kept. */
  #touch(digest: Sha256, mtimeMs: number): void {
    const now = this.#now();
    if (now - mtimeMs < TOUCH_MS) return;
    try {
      lutimesSync(this.#path(digest), now / 1000, now / 1000);
    } catch (cause) {
      throw unavailable(`artifact ${digest} cannot be kept`, cause);
    }
  }

  async #publish(temporary: string, digest: Sha256): Promise<void> {
    const path = this.#path(digest);
    const folder = dirname(path);
    try {
      mkdirSync(folder, { recursive: true });
      if (!lstatSync(folder).isDirectory()) throw new Error(`${folder} is not a folder`);
      renameSync(temporary, path);
      await this.#makeDurable(folder);
    } catch (cause) {
      throw unavailable(`artifact ${digest} cannot be stored`, cause);
    }
  }

  async #makeDurable(folder: string): Promise<void> {
    await syncFolder(folder);
    if (!this.#durable.has(folder)) await syncFolder(this.#root);
    this.#durable.add(folder);
  }

  async #once(digest: Sha256, write: () => Promise<void>): Promise<void> {
    const running = this.#writing.get(digest);
    if (running !== undefined) return await running;
    const mine = write();
    this.#writing.set(digest, mine);
    try {
      await mine;
    } finally {
      this.#writing.delete(digest);
    }
  }
}

async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  if (bytes.byteLength > AT_ONCE_BYTES) return await writeDurably(path, Readable.from([bytes]));
  try {
    await writeNewFile(path, bytes, 0o444);
  } catch (cause) {
    throw unavailable('an artifact cannot be written', cause);
  }
}

async function writeDurably(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    // 'wx' refuses a name that exists, so no link is followed
    const handle = await open(path, 'wx', 0o444);
    try {
      for await (const block of inBlocks(chunks, BLOCK_BYTES)) await handle.writeFile(block);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (cause instanceof ClawError) throw cause;
    throw unavailable('an artifact cannot be written', cause);
  }
}

/** The stream's chunks; its own failure is told apart from a failure to write. */
async function* sourceOf(stream: Readable): AsyncGenerator<unknown> {
  try {
    yield* stream;
  } catch (cause) {
    throw new ClawError('InvalidInput', `a stream ended early: ${errorMessage(cause)}`, { cause });
  }
}

/** The stream's bytes; throws `TooLarge` where there are more. */
async function* boundedBytes(stream: Readable, maxBytes: number): AsyncGenerator<Uint8Array, void> {
  let size = 0;
  for await (const chunk of sourceOf(stream)) {
    const bytes = toBytes(chunk);
    size += bytes.byteLength;
    if (size > maxBytes)
      throw new ClawError('TooLarge', `a stream is longer than ${maxBytes} bytes`);
    yield bytes;
  }
}

/** Reads into `begun` until the end (true) or until there is more than is held in memory. */
async function takeSmall(chunks: AsyncIterator<Uint8Array>, begun: Uint8Array[]): Promise<boolean> {
  for (let size = 0; size <= SMALL_STREAM_BYTES; ) {
    const next = await chunks.next();
    if (next.done === true) return true;
    begun.push(next.value);
    size += next.value.byteLength;
  }
  return false;
}

async function* continued(
  begun: readonly Uint8Array[],
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield* begun;
  yield* rest;
}

function toBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  if (typeof chunk === 'string') return Buffer.from(chunk);
  throw new ClawError('InvalidInput', `a stream of bytes gave a ${typeof chunk}`);
}

/** Fails as a stream does, where the reader meets it. */
function* verifiedBytes(bytes: Uint8Array, digest: Sha256): Generator<Uint8Array> {
  const actual = sha256(bytes);
  if (actual !== digest) throw corrupt(digest, actual);
  yield bytes;
}

const notFound = (digest: Sha256): ClawError =>
  new ClawError('NotFound', `no artifact ${digest} in this store`);

const corrupt = (digest: Sha256, actual: string): ClawError =>
  new ClawError('CorruptArtifact', `artifact ${digest} has bytes of digest ${actual}`);

function unavailable(what: string, cause: unknown): ClawError {
  return new ClawError('StoreUnavailable', `${what}: ${errorMessage(cause)}`, {
    cause,
    retryable: hasCode(cause, 'ENOSPC', 'EDQUOT', 'EMFILE', 'EAGAIN'),
  });
}

import { randomUUID } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ClawError } from '../base/error.ts';

export interface SpoolOptions {
  /** Folder for answers that outgrow `memoryBytes`. */
  readonly dir: string;
  readonly memoryBytes: number;
  readonly maxBytes: number;
}

export const SPOOL_DEFAULTS = { memoryBytes: 256 * 1024, maxBytes: 64 * 1024 * 1024 } as const;

const READ_BYTES = 64 * 1024;

/**
 * The bytes of one answer while it grows: written once, read by any number of readers from the
 * start, in memory at first and in an unlinked file above a cap. Readers see what was released, and
 * the end only after `finish`.
 */
export class AnswerSpool {
  readonly #options: SpoolOptions;
  #memory = Buffer.alloc(0);
  #file: FileHandle | undefined;
  #size = 0;
  #released = 0;
  #ended = false;
  #error: Error | undefined;
  #changed = Promise.withResolvers<void>();

  constructor(options: SpoolOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#size;
  }

  /** Bytes that readers may have seen. */
  get released(): number {
    return this.#released;
  }

  /** Throws `TooLarge` above `maxBytes`. */
  async append(chunk: Uint8Array): Promise<void> {
    const size = this.#size + chunk.byteLength;
    if (size > this.#options.maxBytes) {
      throw new ClawError('TooLarge', `answer is longer than ${this.#options.maxBytes} bytes`);
    }
    if (this.#file === undefined && size > this.#options.memoryBytes) await this.#moveToFile();
    if (this.#file === undefined) this.#appendToMemory(chunk, size);
    else await writeFully(this.#file, chunk, this.#size);
    this.#size = size;
  }

  /** Forgets what was appended; only while nothing was released. */
  reset(): void {
    if (this.#released > 0) throw new ClawError('Internal', 'answer spool reset after a release');
    this.#size = 0;
  }

  /** Forgets what was appended but not released. */
  rewind(): void {
    this.#size = this.#released;
  }

  /** Lets readers see all that was appended so far. */
  release(): void {
    this.#released = this.#size;
    this.#notify();
  }

  /** Lets readers see everything, and the end. */
  finish(): void {
    this.#ended = true;
    this.release();
  }

  /** Readers throw `error` after what was released. */
  fail(error: Error): void {
    this.#error = error;
    this.#notify();
  }

  /** Released bytes from the start, then what follows, until the end. Stops when `signal` aborts. */
  async *read(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const aborted = Promise.withResolvers<void>();
    const stop = () => aborted.resolve();
    signal.addEventListener('abort', stop, { once: true });
    try {
      for (let offset = 0; !signal.aborted; ) {
        const { promise } = this.#changed;
        if (offset < this.#released) {
          const bytes = await this.#at(offset, this.#released);
          offset += bytes.byteLength;
          yield bytes;
        } else if (this.#error !== undefined) {
          throw this.#error;
        } else if (this.#ended) {
          return;
        } else {
          await Promise.race([promise, aborted.promise]);
        }
      }
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  /** All bytes appended, released or not. Not to be mixed with `append`. */
  async *contents(): AsyncGenerator<Uint8Array> {
    for (let offset = 0; offset < this.#size; ) {
      const bytes = await this.#at(offset, this.#size);
      offset += bytes.byteLength;
      yield bytes;
    }
  }

  async dispose(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    this.#memory = Buffer.alloc(0);
    await file?.close();
  }

  async #at(offset: number, end: number): Promise<Uint8Array> {
    const length = Math.min(READ_BYTES, end - offset);
    if (this.#file === undefined) return this.#memory.subarray(offset, offset + length);
    const { bytesRead, buffer } = await this.#file.read(Buffer.alloc(length), 0, length, offset);
    if (bytesRead === 0)
      throw new ClawError('Internal', `answer spool is shorter than ${end} bytes`);
    return buffer.subarray(0, bytesRead);
  }

  #appendToMemory(chunk: Uint8Array, size: number): void {
    if (size > this.#memory.byteLength) {
      // Readers may hold parts of the old buffer: it is left as it is.
      const larger = Buffer.alloc(Math.max(size, 2 * this.#memory.byteLength, 4096));
      larger.set(this.#memory.subarray(0, this.#size));
      this.#memory = larger;
    }
    this.#memory.set(chunk, this.#size);
  }

  async #moveToFile(): Promise<void> {
    const path = join(this.#options.dir, `answer-${randomUUID()}`);
    const file = await open(path, 'wx+', 0o600);
    try {
      await unlink(path);
      await writeFully(file, this.#memory.subarray(0, this.#size), 0);
    } catch (cause) {
      await file.close();
      throw cause;
    }
    this.#file = file;
    this.#memory = Buffer.alloc(0);
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}

async function writeFully(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    const { bytesWritten } = await file.write(
      bytes,
      done,
      bytes.byteLength - done,
      position + done,
    );
    done += bytesWritten;
  }
}

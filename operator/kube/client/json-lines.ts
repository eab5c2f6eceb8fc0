const NEWLINE = 0x0a;

/**
 * The longest line that is accepted, in bytes: etcd takes 1.5 MiB an object, so a longer line is no
 * event of a sane server.
 */
export const MAX_LINE_BYTES = 16 * 1024 * 1024;

/**
 * Cuts a byte stream into lines, wherever its chunks end: also inside a character of several bytes.
 * Empty lines are left out.
 */
export class LineSplitter {
  readonly #maxLineBytes: number;
  #held: Uint8Array[] = [];
  #heldBytes = 0;

  constructor(maxLineBytes = MAX_LINE_BYTES) {
    this.#maxLineBytes = maxLineBytes;
  }

  /** Bytes of a line whose end has not come yet. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** The lines that this chunk completes. Throws RangeError on a line above the limit. */
  push(chunk: Uint8Array): readonly string[] {
    const lines: string[] = [];
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start);
      const rest = chunk.subarray(start, end < 0 ? chunk.length : end);
      if (this.#heldBytes + rest.length > this.#maxLineBytes)
        throw new RangeError(`a line is longer than ${this.#maxLineBytes} bytes`);
      if (rest.length > 0) {
        this.#held.push(rest);
        this.#heldBytes += rest.length;
      }
      if (end < 0) return lines;
      const line = this.#take();
      if (line !== '') lines.push(line);
      start = end + 1;
    }
  }

  #take(): string {
    const [first] = this.#held;
    const bytes = this.#held.length === 1 && first ? first : Buffer.concat(this.#held);
    this.#held = [];
    this.#heldBytes = 0;
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8').trim();
  }
}

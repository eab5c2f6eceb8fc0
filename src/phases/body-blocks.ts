const BLOCK_BYTES = 64 * 1024;

/**
 * A body that comes in parts, in memory of about its own size: a part of one byte, kept as it came,
 * takes a hundred.
 */
export class BodyBlocks {
  readonly #blocks: Buffer[] = [];
  #size = 0;

  add(part: Buffer): void {
    for (let from = 0; from < part.length; ) {
      const used = this.#size % BLOCK_BYTES;
      if (used === 0) this.#blocks.push(Buffer.allocUnsafe(BLOCK_BYTES));
      const block = this.#blocks.at(-1);
      const copied = block === undefined ? 0 : part.copy(block, used, from);
      from += copied;
      this.#size += copied;
    }
  }

  whole(): Buffer {
    return Buffer.concat(this.#blocks, this.#size);
  }
}

import type { CapturedOutput } from '../../../phases/process-sandbox.ts';

/**
 * Keeps the first and the last `keep` bytes of a stream in memory that does not grow with the
 * stream: at most three times `keep`.
 */
export class OutputCapture {
  readonly #keep: number;
  #head = Buffer.alloc(0);
  #headLength = 0;
  #ring: Buffer | undefined;
  #ringStart = 0;
  #ringLength = 0;
  #total = 0;

  constructor(keep: number) {
    this.#keep = keep;
  }

  push(chunk: Uint8Array): void {
    this.#total += chunk.length;
    const forHead = Math.min(this.#keep - this.#headLength, chunk.length);
    if (forHead > 0) this.#pushHead(chunk.subarray(0, forHead));
    if (forHead < chunk.length) this.#pushRing(chunk.subarray(Math.max(forHead, 0)));
  }

  finish(): CapturedOutput {
    const head = this.#head.subarray(0, this.#headLength);
    const left = this.#total - this.#headLength - this.#ringLength;
    const parts: Uint8Array[] = [head];
    if (left > 0) parts.push(Buffer.from(`\n[... ${left} bytes left out ...]\n`));
    parts.push(...this.#ringParts());
    return {
      bytes: new Uint8Array(Buffer.concat(parts)),
      totalBytes: this.#total,
      truncated: left > 0,
    };
  }

  #pushHead(part: Uint8Array): void {
    const needed = this.#headLength + part.length;
    if (needed > this.#head.length) {
      const grown = Buffer.alloc(Math.min(this.#keep, Math.max(needed, this.#head.length * 2)));
      this.#head.copy(grown, 0, 0, this.#headLength);
      this.#head = grown;
    }
    this.#head.set(part, this.#headLength);
    this.#headLength = needed;
  }

  #pushRing(part: Uint8Array): void {
    if (this.#keep === 0) return;
    this.#ring ??= Buffer.alloc(this.#keep);
    const kept = part.length > this.#keep ? part.subarray(part.length - this.#keep) : part;
    const at = (this.#ringStart + this.#ringLength) % this.#keep;
    const first = Math.min(kept.length, this.#keep - at);
    this.#ring.set(kept.subarray(0, first), at);
    this.#ring.set(kept.subarray(first), 0);
    const overflow = Math.max(0, this.#ringLength + kept.length - this.#keep);
    this.#ringStart = (this.#ringStart + overflow) % this.#keep;
    this.#ringLength = Math.min(this.#keep, this.#ringLength + kept.length);
  }

  #ringParts(): Uint8Array[] {
    if (this.#ring === undefined) return [];
    const toEnd = Math.min(this.#ringLength, this.#keep - this.#ringStart);
    return [
      this.#ring.subarray(this.#ringStart, this.#ringStart + toEnd),
      this.#ring.subarray(0, this.#ringLength - toEnd),
    ];
  }
}

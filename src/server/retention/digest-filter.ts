import type { Sha256 } from '../../base/brand.ts';

/** 8 MiB: with two million digests, one unnamed artifact in 5,000 is taken for a named one. */
const BITS = 2 ** 26;
/** Digests are random already: four parts of one are four independent places. */
const PLACES = [0, 8, 16, 24] as const;

/** A set of digests in fixed memory that forgets none, and may take one for a member that is none. */
export class DigestFilter {
  readonly #bits = new Uint8Array(BITS / 8);

  add(digest: Sha256): void {
    for (const place of placesOf(digest)) {
      this.#bits[place >>> 3] = (this.#bits[place >>> 3] ?? 0) | (1 << (place & 7));
    }
  }

  has(digest: Sha256): boolean {
    return placesOf(digest).every(
      (place) => ((this.#bits[place >>> 3] ?? 0) & (1 << (place & 7))) !== 0,
    );
  }
}

function placesOf(digest: Sha256): readonly number[] {
  return PLACES.map((from) => Number.parseInt(digest.slice(from, from + 8), 16) % BITS);
}

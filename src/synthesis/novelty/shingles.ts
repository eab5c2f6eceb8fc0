import { createHash } from 'node:crypto';

/** Words of a sequence. */
const WORDS = 5;
/** Texts with fewer words are compared by characters too: they have few sequences of words. */
const SHORT = 40;
const CHARACTERS = 5;

/** What instructions are compared by: letters and digits alone, in lower case. */
export function normalised(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}

/** A text as two sorted lists of 32-bit hashes, without repeats; characters only where it is short. */
export interface Shingles {
  readonly words: Uint32Array;
  readonly characters: Uint32Array;
}

export function shingles(text: string): Shingles {
  const words = normalised(text).split(' ');
  const joined = words.join(' ');
  const short = words.length < SHORT;
  return {
    words: hashed(sequences(words, WORDS, ' ')),
    characters: short ? hashed(sequences(joined.split(''), CHARACTERS, '')) : new Uint32Array(),
  };
}

/**
 * Share of sequences that two texts have in common (Jaccard), by words; where both are short the
 * greater of words and characters.
 */
export function similarity(one: Shingles, other: Shingles): number {
  const byWords = jaccard(one.words, other.words);
  const byCharacters = jaccard(one.characters, other.characters);
  return Math.max(byWords, byCharacters);
}

function sequences(items: readonly string[], length: number, glue: string): string[] {
  if (items.length <= length) return [items.join(glue)];
  const count = items.length - length + 1;
  return Array.from({ length: count }, (_, at) => items.slice(at, at + length).join(glue));
}

function hashed(texts: readonly string[]): Uint32Array {
  const hashes = new Set(
    texts.map((text) => createHash('md5').update(text).digest().readUInt32LE(0)),
  );
  return Uint32Array.from(hashes).toSorted();
}

/** Of two sorted lists; 0 where one is empty. */
function jaccard(one: Uint32Array, other: Uint32Array): number {
  if (one.length === 0 || other.length === 0) return 0;
  let both = 0;
  for (let a = 0, b = 0; a < one.length && b < other.length; ) {
    const [left = 0, right = 0] = [one[a], other[b]];
    if (left === right) both += 1;
    if (left <= right) a += 1;
    if (right <= left) b += 1;
  }
  return both / (one.length + other.length - both);
}

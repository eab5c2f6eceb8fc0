import { createHash } from 'node:crypto';

/**
 * Numbers in [0, 1) that are a function of the labels alone: sfc32 (Chris Doty-Humphrey, PractRand),
 * its state the SHA-256 of the labels. The same labels give the same numbers on every machine.
 */
export function seededRandom(...labels: readonly (string | number)[]): () => number {
  const hash = createHash('sha256').update(labels.join('\u0000')).digest();
  let a = hash.readInt32LE(0);
  let b = hash.readInt32LE(4);
  let c = hash.readInt32LE(8);
  let d = hash.readInt32LE(12);
  return () => {
    const sum = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
}

/** The items in another order (Fisher-Yates). */
export function shuffled<T>(items: readonly T[], random: () => number): readonly T[] {
  const order = [...items];
  for (let index = order.length - 1; index > 0; index -= 1) {
    const other = Math.floor(random() * (index + 1));
    const [a, b] = [order[index], order[other]];
    if (a === undefined || b === undefined) continue;
    order[index] = b;
    order[other] = a;
  }
  return order;
}

/**
 * Item `position` of an endless row in which every item comes once before any comes again, each round
 * in an order of its own. Undefined only where there are no items.
 */
export function fromRounds<T>(
  items: readonly T[],
  position: number,
  ...labels: readonly (string | number)[]
): T | undefined {
  if (items.length === 0) return undefined;
  const round = Math.floor(position / items.length);
  return shuffled(items, seededRandom(...labels, round))[position % items.length];
}

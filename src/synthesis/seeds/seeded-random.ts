import { createHash } from 'node:crypto';

/**
 * Numbers in [0, 1) that are a function of the labels alone: SHA-256 in counter mode, 53 bits a number.
 * The same labels give the same numbers on every machine.
 */
export function seededRandom(...labels: readonly (string | number)[]): () => number {
  const key = labels.join('\u0000');
  let counter = 0;
  return () => {
    const hash = createHash('sha256').update(`${key}\u0000${counter}`).digest();
    counter += 1;
    return (hash.readUInt32BE(0) * 2 ** 21 + (hash.readUInt32BE(4) >>> 11)) / 2 ** 53;
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

import { describe, expect, it } from 'vitest';
import { inBlocks } from './in-blocks.ts';

async function blocks(sizes: readonly number[], blockBytes: number): Promise<Uint8Array[]> {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (const [index, size] of sizes.entries()) {
      yield Uint8Array.from({ length: size }, (_, at) => (index * 31 + at) % 256);
    }
  }
  const made: Uint8Array[] = [];
  for await (const block of inBlocks(pieces(), blockBytes)) made.push(block);
  return made;
}

describe('inBlocks', () => {
  it.each([
    { sizes: [], lengths: [] },
    { sizes: [0, 0], lengths: [] },
    { sizes: [3, 3, 3, 3, 1], lengths: [9, 4] },
    { sizes: [20, 1], lengths: [20, 1] },
    { sizes: [1, 20], lengths: [21] },
    { sizes: [8], lengths: [8] },
  ])('$sizes in blocks of 8 are $lengths', async ({ sizes, lengths }) => {
    expect((await blocks(sizes, 8)).map(({ length }) => length)).toEqual(lengths);
  });

  it('keeps every byte in order', async () => {
    const sizes = [5, 1, 0, 7, 300, 2, 2, 2];
    expect(Buffer.concat(await blocks(sizes, 16))).toEqual(
      Buffer.concat(await blocks(sizes, 100_000)),
    );
  });
});

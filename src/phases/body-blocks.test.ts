import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BodyBlocks } from './body-blocks.ts';

it('gives the bytes that came, however they were cut', () => {
  const parts = fc.array(fc.nat(100_000), { maxLength: 6 });
  fc.assert(
    fc.property(parts, (sizes) => {
      const body = new BodyBlocks();
      const sent = sizes.map((size, index) => Buffer.alloc(size, index + 1));
      for (const part of sent) body.add(part);
      expect(body.whole().equals(Buffer.concat(sent))).toBe(true);
    }),
    { numRuns: 50 },
  );
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fifo } from './fifo.ts';

test('gives items in the order they came, across cut-offs of its front', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(3000), fc.nat(3000)), { maxLength: 12 }), (rounds) => {
      const fifo = new Fifo<number>();
      let pushed = 0;
      let taken = 0;
      for (const [pushes, takes] of rounds) {
        for (let index = 0; index < pushes; index += 1) fifo.push(pushed++);
        for (let index = 0; index < takes; index += 1) {
          const item = fifo.shift();
          if (taken === pushed) expect(item).toBeUndefined();
          else if (item !== taken++) expect(item).toBe(taken - 1);
        }
        expect(fifo.length).toBe(pushed - taken);
      }
    }),
    { numRuns: 20 },
  );
});

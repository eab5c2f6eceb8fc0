import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteLru } from './byte-lru.ts';

test('keeps what was used last, and the newest however large it is', () => {
  const kept = new ByteLru<string, number>(10);
  kept.set('a', 1, 4);
  kept.set('b', 2, 4);
  expect(kept.get('a')).toBe(1);
  kept.set('c', 3, 4);
  expect(['a', 'b', 'c'].map((key) => kept.get(key))).toEqual([1, undefined, 3]);
  kept.set('d', 4, 11);
  expect(['a', 'c', 'd'].map((key) => kept.get(key))).toEqual([undefined, undefined, 4]);
  kept.set('e', 5, 10);
  expect(['d', 'e'].map((key) => kept.get(key))).toEqual([undefined, 5]);
});

test('never holds more than its bytes, but for one', () => {
  const step = fc.record({
    key: fc.nat(5),
    bytes: fc.nat(12),
    remove: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const kept = new ByteLru<number, number>(10);
      for (const { key, bytes, remove } of steps) {
        if (remove) kept.delete(key);
        else kept.set(key, bytes, bytes);
        const held = [0, 1, 2, 3, 4, 5].flatMap((at) => kept.get(at) ?? []);
        const sum = held.reduce((total, each) => total + each, 0);
        expect(sum <= 10 || held.filter((each) => each > 0).length === 1).toBe(true);
        if (!remove) expect(kept.get(key)).toBe(bytes);
      }
    }),
  );
});

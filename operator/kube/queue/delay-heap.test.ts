import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DelayHeap } from './delay-heap.ts';

const KEYS = ['a', 'b', 'c', 'd', 'e', 'f', 'g'] as const;

test('gives keys by their moment and moves a key only ever earlier', () => {
  const heap = new DelayHeap();
  heap.add('late', 30);
  heap.add('early', 10);
  heap.add('late', 20);
  heap.add('early', 15);
  expect(heap.peek()).toMatchObject({ key: 'early', readyAt: 10 });
  expect(heap.takeReady(9)).toBeUndefined();
  expect(heap.takeReady(10)).toBe('early');
  expect(heap.takeReady(19)).toBeUndefined();
  expect(heap.takeReady(20)).toBe('late');
  expect(heap.size).toBe(0);
});

test('gives keys of one moment in the order of their adds', () => {
  const heap = new DelayHeap();
  for (const key of ['d', 'b', 'a', 'c']) heap.add(key, 5);
  expect([1, 2, 3, 4].map(() => heap.takeReady(5))).toEqual(['d', 'b', 'a', 'c']);
});

test('equals a sorted list under any adds and takes', () => {
  const step = fc.oneof(
    fc.record({ add: fc.constantFrom(...KEYS), at: fc.nat(100) }),
    fc.record({ takeAt: fc.nat(120) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const heap = new DelayHeap();
      const model = new Map<string, number>();
      for (const action of steps) {
        if ('add' in action) {
          heap.add(action.add, action.at);
          model.set(action.add, Math.min(action.at, model.get(action.add) ?? action.at));
        } else {
          const first = Math.min(...model.values());
          const taken = heap.takeReady(action.takeAt);
          if (first > action.takeAt) expect(taken).toBeUndefined();
          else expect(model.get(taken ?? '')).toBe(first);
          model.delete(taken ?? '');
        }
        expect(heap.size).toBe(model.size);
        expect(heap.peek()?.readyAt).toBe(
          model.size === 0 ? undefined : Math.min(...model.values()),
        );
      }
    }),
  );
});

test('is empty after clear', () => {
  const heap = new DelayHeap();
  heap.add('a', 1);
  heap.clear();
  expect(heap.takeReady(1)).toBeUndefined();
  heap.add('a', 5);
  expect(heap.peek()).toMatchObject({ key: 'a', readyAt: 5 });
});

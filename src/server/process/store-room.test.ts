import { expect, it } from 'vitest';
import { usedPart } from './store-room.ts';

it.each([
  ['nothing', { blocks: 1000, bfree: 1000, bavail: 1000 }, 0],
  ['a half, with nothing kept back', { blocks: 1000, bfree: 500, bavail: 500 }, 0.5],
  ['a half of what others than root may use', { blocks: 1000, bfree: 550, bavail: 450 }, 0.5],
  ['all that others than root may use', { blocks: 1000, bfree: 50, bavail: 0 }, 1],
  ['no blocks at all', { blocks: 0, bfree: 0, bavail: 0 }, 0],
])('counts %s as df does', (_, facts, part) => {
  expect(usedPart(facts)).toBeCloseTo(part, 10);
});

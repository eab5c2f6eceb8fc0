import { expect, test } from 'vitest';
import { hasIdRange } from './subordinate-ids.ts';

test.each([
  ['ann:100000:65536\n', true],
  ['bob:100000:65536\nann:165536:65536', true],
  ['1000:100000:65536', true],
  ['', false],
  ['bob:100000:65536', false],
  ['annie:100000:65536', false],
  ['ann:100000:0', false],
  ['ann', false],
])('%j gives ann (1000) ids: %s', (text, has) => {
  expect(hasIdRange(text, { name: 'ann', uid: 1000 })).toBe(has);
});

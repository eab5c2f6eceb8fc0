import { expect, test } from 'vitest';
import { CHEAT_BOUNDS, cheatOfSample } from '../rollouts/cheat-bounds.ts';
import { CHEAT_FAMILIES } from './cheat-families.ts';

test('the bounds of the gates are those of the families, in their order', () => {
  const expected = CHEAT_FAMILIES.map(({ name, aim, plantsAtNamedPaths }) => ({
    family: name,
    bound: aim === 'stuffing' ? 'none' : plantsAtNamedPaths ? 'lazy' : 'nop',
  }));
  expect(CHEAT_BOUNDS).toEqual(expected);
});

test('samples play the families in turn', () => {
  const count = CHEAT_BOUNDS.length;
  const played = Array.from({ length: 2 * count }, (_, sample) => cheatOfSample(sample));
  expect(played).toEqual([...CHEAT_BOUNDS, ...CHEAT_BOUNDS]);
  expect(() => cheatOfSample(-1)).toThrow('from 0');
});

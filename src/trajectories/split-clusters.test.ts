import fc from 'fast-check';
import { expect, it } from 'vitest';
import { splitOf } from './split-clusters.ts';

const names = Array.from({ length: 2_000 }, (_, index) => `cluster-${index}`);
const share = (validationPercent: number, seed: number): number =>
  names.filter((name) => splitOf(name, { validationPercent, seed }) === 'validation').length /
  names.length;

it('keeps about the wanted share apart, all at 100 and none at 0', () => {
  expect(share(20, 7)).toBeGreaterThan(0.17);
  expect(share(20, 7)).toBeLessThan(0.23);
  expect([share(0, 7), share(100, 7)]).toEqual([0, 1]);
});

it('moves no cluster back to training where the share grows', () => {
  const property = fc.property(fc.string(), fc.nat(99), fc.nat(), (cluster, percent, seed) => {
    const now = splitOf(cluster, { validationPercent: percent, seed });
    const more = splitOf(cluster, { validationPercent: percent + 1, seed });
    return now === 'train' || more === 'validation';
  });
  fc.assert(property);
});

it('chooses others with another seed', () => {
  const kept = (seed: number) =>
    names.filter((name) => splitOf(name, { validationPercent: 10, seed }) === 'validation');
  expect(kept(1)).not.toEqual(kept(2));
});

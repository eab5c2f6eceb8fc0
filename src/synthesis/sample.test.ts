import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { clusterOf, type SampleRules, sampleRecord } from './sample.ts';
import { loadSeeds } from './seeds/load-seeds.ts';
import type { SeedSet } from './seeds/seed-set.ts';

let seeds: SeedSet;
beforeAll(async () => {
  seeds = await loadSeeds();
});

const BOTH: SampleRules = {
  seed: 7,
  personas: { weight: 1, operations: 3 },
  skills: { weight: 1, supporting: 3 },
};

describe('a record', () => {
  test('is a function of seed, rules and number alone', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 5000 }), (seed, number) => {
        const rules = { ...BOTH, seed };
        expect(sampleRecord(seeds, rules, number)).toEqual(sampleRecord(seeds, rules, number));
      }),
      { numRuns: 30 },
    );
  });

  test('differs with the seed', () => {
    const first = Array.from({ length: 20 }, (_, at) => sampleRecord(seeds, BOTH, at + 1));
    const other = { ...BOTH, seed: 8 };
    const second = Array.from({ length: 20 }, (_, at) => sampleRecord(seeds, other, at + 1));
    expect(first).not.toEqual(second);
  });

  test('has what its route asks for', () => {
    for (let number = 1; number <= 200; number += 1) {
      const sample = sampleRecord(seeds, BOTH, number);
      if (sample.route === 'persona') {
        const ids = sample.operations.map(({ id }) => id);
        expect(new Set(ids).size).toBe(3);
        expect(clusterOf(sample)).toBe(`persona/${sample.persona.id}`);
        continue;
      }
      const ids = [sample.primary, ...sample.supporting].map(({ id }) => id);
      expect(ids.length).toBeLessThanOrEqual(4);
      expect(new Set(ids).size).toBe(ids.length);
      expect(clusterOf(sample)).toBe(`skill/${sample.primary.id}`);
    }
  });
});

test('every persona comes once before any comes twice', () => {
  const rules = { seed: 3, personas: { weight: 1, operations: 1 } };
  const count = seeds.personas.length;
  const ids = (from: number): Set<string> =>
    new Set(
      Array.from({ length: count }, (_, at) => clusterOf(sampleRecord(seeds, rules, from + at))),
    );
  expect(ids(1).size).toBe(count);
  expect(ids(1 + count).size).toBe(count);
});

test('weights share the records out', () => {
  const rules = { ...BOTH, personas: { weight: 3, operations: 1 } };
  const routes = Array.from({ length: 400 }, (_, at) => sampleRecord(seeds, rules, at + 1).route);
  const personas = routes.filter((route) => route === 'persona').length;
  expect(personas).toBeGreaterThan(250);
  expect(personas).toBeLessThan(350);
});

test('a route without seeds is refused by name', () => {
  expect(() => sampleRecord({ ...seeds, personas: [] }, BOTH, 1)).not.toThrow(TypeError);
  const none = { ...seeds, skills: [] };
  expect(() => sampleRecord(none, { seed: 1, skills: { weight: 1, supporting: 1 } }, 1)).toThrow(
    'there are no skills to sample from',
  );
});

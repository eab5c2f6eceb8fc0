import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { jobName } from './job-names.ts';

const batch = { name: 'nightly', uid: '0f5c3f0e-2f6b-4d6c-9a51-6c6f0e3f1a2b' };
const rollout = { id: 'k3x9', phase: 'rollout' } as const;

describe('jobName', () => {
  test('can be read: batch, beginning of its uid, shape, generation', () => {
    expect(jobName({ batch, shape: rollout, generation: 1 })).toBe('nightly-0f5c3-k3x9-g1');
    const wave = { id: 'k3x9', phase: 'verify' } as const;
    expect(jobName({ batch, shape: wave, generation: 12 })).toBe('nightly-0f5c3-k3x9-v12');
  });

  test('cuts a long batch name, never what tells Jobs apart', () => {
    const long = { ...batch, name: `${'a'.repeat(35)}-and-more` };
    const name = jobName({ batch: long, shape: rollout, generation: 1000 });
    expect(name).toBe(`${'a'.repeat(35)}-0f5c3-k3x9-g1000`);
  });

  test('is a DNS label of at most 52 characters, the same every time, different by every part', () => {
    const parts = fc.record({
      batch: fc.record({
        name: fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/),
        uid: fc.uuid(),
      }),
      shape: fc.record({
        id: fc.stringMatching(/^[a-z0-9]{1,16}$/),
        phase: fc.constantFrom('rollout' as const, 'verify' as const),
      }),
      generation: fc.integer({ min: 1, max: 999_999 }),
    });
    fc.assert(
      fc.property(parts, (one) => {
        const name = jobName(one);
        expect(name).toMatch(/^[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?$/);
        expect(jobName({ ...one })).toBe(name);
        const next = { ...one, generation: one.generation + 1 };
        const phase = one.shape.phase === 'verify' ? 'rollout' : 'verify';
        const others = [next, { ...one, shape: { ...one.shape, phase } as const }];
        for (const other of others) expect(jobName(other)).not.toBe(name);
      }),
    );
  });

  test('takes a uid of any form', () => {
    expect(jobName({ batch: { ...batch, uid: 'A-1' }, shape: rollout, generation: 1 })).toBe(
      'nightly-a1000-k3x9-g1',
    );
  });

  test.each([
    ['a shape id that is no part of a name', { ...rollout, id: 'K_3' }, 1],
    ['an empty shape id', { ...rollout, id: '' }, 1],
    ['generation 0', rollout, 0],
    ['half a generation', rollout, 1.5],
  ])('refuses %s', (_name, shape, generation) => {
    expect(() => jobName({ batch, shape, generation })).toThrow(/nightly: shape/);
  });
});

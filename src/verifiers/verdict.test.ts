import { describe, expect, it } from 'vitest';
import { readVerdict } from './verdict.ts';

const GOOD = {
  nonce: 'n',
  status: 'ok',
  message: '',
  checks: [
    ['b', 1],
    ['a', 0.5],
  ],
  flat: 0.75,
  native: 0.75,
  nativeRaw: 0.75,
  rewardSeen: false,
  python: '3.13.1',
  seconds: 0.1,
  observed: { inProcess: [], children: [] },
};

describe('readVerdict', () => {
  it('keeps the order of the checks', () => {
    const reading = readVerdict(JSON.stringify(GOOD), 'n');
    expect(reading).toMatchObject({
      verdict: {
        status: 'ok',
        checks: [
          { name: 'b', value: 1 },
          { name: 'a', value: 0.5 },
        ],
      },
    });
  });

  it.each<[string, unknown, RegExp]>([
    ['another nonce', { ...GOOD, nonce: 'x' }, /nonce/],
    ['no nonce', { ...GOOD, nonce: undefined }, /nonce/],
    ['a list', [GOOD], /nonce/],
    ['an unknown status', { ...GOOD, status: 'perfect' }, /status/],
    ['ok without checks', { ...GOOD, checks: [] }, /checks/],
    ['ok without a score', { ...GOOD, flat: null }, /scores/],
    ['a native score above 1', { ...GOOD, native: 2 }, /native/],
    ['a text as a value', { ...GOOD, checks: [['a', '1']] }, /checks/],
    [
      'too many checks',
      { ...GOOD, checks: Array.from({ length: 1001 }, () => ['a', 1]) },
      /checks/,
    ],
    ['a foreign field', { ...GOOD, bonus: 1 }, /wrong/],
    ['an endless message', { ...GOOD, message: 'x'.repeat(5000) }, /message/],
  ])('refuses %s', (_name, value, problem) => {
    const reading = readVerdict(JSON.stringify(value), 'n');
    expect('problem' in reading ? reading.problem : '').toMatch(problem);
  });

  it('refuses what is no JSON', () => {
    expect(readVerdict('{', 'n')).toEqual({ problem: 'the verdict is not JSON' });
    expect(readVerdict('', 'n')).toEqual({ problem: 'the verdict is not JSON' });
  });
});

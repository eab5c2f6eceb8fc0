import { expect, it, test } from 'vitest';
import { count, countUpTo } from './flag-values.ts';
import { buildProgram } from './program.ts';

test.each(['0', '-1', '1.5', '1e3', '0x10', '', ' 1', '2147483648'])('%j is no count', (text) => {
  expect(() => count(text)).toThrow('expected a whole number from 1 to 2147483647');
});

it('takes whole numbers up to the bound of the flag', () => {
  expect(['1', '1000'].map(countUpTo(1000))).toEqual([1, 1000]);
  expect(() => countUpTo(1000)('1001')).toThrow('from 1 to 1000');
});

// More rollouts than any store or heap holds; refused before anything is read.
test.each([
  ['--attempts', '1001', '1000'],
  ['--parallel', '100001', '100000'],
  ['--timeout-percent', '10001', '10000'],
  ['--disruption-limit', '10001', '10000'],
])('bench %s %s is refused, as in a manifest', async (flag, value, most) => {
  const said: string[] = [];
  const bench = buildProgram().commands.find((each) => each.name() === 'bench');
  bench?.exitOverride().configureOutput({ writeErr: (text) => void said.push(text) });
  const argv = ['--tasks', 'nowhere', '--agent', 'nop', flag, value];
  await expect(bench?.parseAsync(argv, { from: 'user' })).rejects.toThrow(`to ${most}`);
  expect(said.join('')).toContain(`to ${most}`);
});

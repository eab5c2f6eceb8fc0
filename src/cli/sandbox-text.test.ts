import { expect, test } from 'vitest';
import { sandboxText } from './sandbox-text.ts';

test.each([
  ['plain text with\ttabs and\nlines', 'plain text with\ttabs and\nlines'],
  ['\u001b[31mred\u001b[0m', '\\u001b[31mred\\u001b[0m'],
  ['\u001b]0;title\u0007', '\\u001b]0;title\\u0007'],
  ['over\rwritten', 'over\\u000dwritten'],
  ['a\u202eb', 'a\\u202eb'],
  ['grüße', 'grüße'],
])('shows %j as %j', (input, shown) => {
  expect(sandboxText(Buffer.from(input))).toBe(shown);
});

test('bytes that are not UTF-8 become replacement characters', () => {
  expect(sandboxText(Uint8Array.of(0x61, 0xff, 0x62))).toBe('a\ufffdb');
});

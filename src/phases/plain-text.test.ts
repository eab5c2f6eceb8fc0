import { describe, expect, it } from 'vitest';
import { lastLine, plainText } from './plain-text.ts';

describe('plainText', () => {
  it.each([
    ['escape sequences', 'a\u001b[31mb', 'a\\u{1b}[31mb'],
    ['lines', ' a\r\n\tb\u2028c ', 'a b c'],
    ['text directions', 'a\u202eb\u200bc', 'a\\u{202e}b\\u{200b}c'],
    ['lone surrogates', 'a\ud800', 'a\\u{d800}'],
    ['other scripts unchanged', 'größe 大小 😀', 'größe 大小 😀'],
  ])('shows %s', (_name, text, shown) => {
    expect(plainText(text)).toBe(shown);
  });

  it('is bounded and never splits a character', () => {
    expect(plainText('x'.repeat(600))).toHaveLength(500);
    expect(plainText('😀'.repeat(10), 4).isWellFormed()).toBe(true);
  });
});

describe('lastLine', () => {
  it('finds the last line with words', () => {
    expect(lastLine(Buffer.from('first\nsecond\n\n  \n'))).toBe('second');
    expect(lastLine(Buffer.from('\n'))).toBe('');
  });
});

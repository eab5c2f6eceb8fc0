import { describe, expect, it } from 'vitest';
import { lastLine, plainText, terminalText } from './plain-text.ts';

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

describe('terminalText', () => {
  it.each([
    ['plain text with\ttabs and\nlines', 'plain text with\ttabs and\nlines'],
    ['\u001b[31mred\u001b[0m', '\\u001b[31mred\\u001b[0m'],
    ['\u001b]0;title\u0007', '\\u001b]0;title\\u0007'],
    ['over\rwritten', 'over\\u000dwritten'],
    ['a\u202eb', 'a\\u202eb'],
    ['line\u2028break\u200b', 'line\\u2028break\\u200b'],
    ['tag\u{e0041}', 'tag\\u{e0041}'],
    ['grüße 大小 😀', 'grüße 大小 😀'],
  ])('shows %j as %j', (input, shown) => {
    expect(terminalText(Buffer.from(input))).toBe(shown);
    expect(terminalText(input)).toBe(shown);
  });

  it('shows bytes that are not UTF-8 as replacement characters', () => {
    expect(terminalText(Uint8Array.of(0x61, 0xff, 0x62))).toBe('a\ufffdb');
  });
});

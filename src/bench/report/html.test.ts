import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTags, textOf } from '../../../test/support/markup.ts';
import { clip, escapeText, html } from './html.ts';

describe('text that came out of a sandbox', () => {
  it.each([
    ['markup', '</script><script>alert(1)</script>', /^&lt;\/script&gt;/],
    ['quotes', `"onload='x'\``, /^&quot;onload=&#39;x&#39;&#96;$/],
    ['an entity', '&lt;', /^&amp;lt;$/],
    ['newlines and tabs', 'a\nb\tc', /^a\\nb\\tc$/],
    ['escapes and NUL', '\u001b[2J\u0000\u007f', /^\\x1b\[2J\\x00\\x7f$/],
    ['C1 controls', 'a\u009bb', /^a\[U\+009B\]b$/],
    ['a reordering mark', 'exe.\u202egpj', /^exe\.\[U\+202E\]gpj$/],
    ['isolates', '\u2066x\u2069', /^\[U\+2066\]x\[U\+2069\]$/],
    ['invisible characters', 'a\u200bb\ufeffc\u00add', /^a\[U\+200B\]b\[U\+FEFF\]c\[U\+00AD\]d$/],
    ['hidden tag characters', '\u{e0041}', /^\[U\+E0041\]$/],
    ['line separators', '\u2028\u2029', /^\[U\+2028\]\[U\+2029\]$/],
    ['half a surrogate pair', 'a\ud800b', /^a\ufffdb$/],
    ['plain words of any script', 'naïve 日本語 🎉 שלום', /^naïve 日本語 🎉 שלום$/],
  ])('shows %s harmlessly', (_name, text, expected) => {
    expect(escapeText(text)).toMatch(expected);
  });

  it('never makes a tag or leaves an attribute, and stays readable', () => {
    const nasty = fc.string({
      unit: fc.constantFrom(
        '<',
        '>',
        '"',
        "'",
        '`',
        '&',
        '/',
        '=',
        'a',
        ' ',
        '\n',
        '\u202e',
        '\u0000',
        ';',
        '!',
        '-',
      ),
    });
    fc.assert(
      fc.property(fc.oneof(nasty, fc.string({ unit: 'binary' })), (text) => {
        const page = html`<p title="${text}"><b>${text}</b></p>`.text;
        expect(parseTags(page).map((tag) => tag.name)).toEqual(['p', 'b', 'b', 'p']);
        expect([...(parseTags(page)[0]?.attributes.keys() ?? [])]).toEqual(['title']);
        expect(textOf(escapeText(text))).not.toMatch(/[\p{Cc}\u202a-\u202e]/u);
      }),
      { numRuns: 60 },
    );
  });
});

describe('the html tag', () => {
  it('escapes values, keeps markup and lists of markup, leaves out nothing-values', () => {
    const inner = html`<i>${'<'}</i>`;
    expect(html`${inner}${[inner, 'a&b', [3]]}${undefined}${false}`.text).toBe(
      '<i>&lt;</i><i>&lt;</i>a&amp;b3',
    );
  });
});

describe('clip', () => {
  it('keeps both ends of long text and never half a character', () => {
    expect(clip('short')).toBe('short');
    const long = clip(`start${'🎉'.repeat(500)}end`, 61);
    expect(long).toMatch(/^start.* … .*end$/u);
    expect(long.isWellFormed()).toBe(true);
    expect(long.length).toBeLessThan(70);
  });
});

import { describe, expect, test } from 'vitest';
import { completionText } from './completion-text.ts';
import { extractJson } from './extract-json.ts';
import { fileBlocks } from './file-blocks.ts';

describe('the JSON of an answer', () => {
  test.each<[string, string]>([
    ['alone', '{"a": 1}'],
    ['in a fence', 'Here:\n```json\n{"a": 1}\n```\nDone.'],
    ['in a fence without language', '```\n{"a": 1}\n```'],
    ['amid talk', 'I think {"a": 1} fits.'],
    ['after reasoning', '<think>{"b": 2}</think>\n{"a": 1}'],
  ])('is found %s', (_name, text) => {
    expect(extractJson(text)).toEqual({ ok: true, value: { a: 1 } });
  });

  test('keeps braces and quotes inside of strings', () => {
    const value = { a: 'x } " { \\ y' };
    const text = `So: ${JSON.stringify(value)} and so on`;
    expect(extractJson(text)).toEqual({ ok: true, value });
  });

  test.each<[string, string, RegExp]>([
    ['no object', 'Sorry.', /no JSON object/],
    ['half an object', '{"a": 1', /cannot be read/],
    ['a list', '[1]', /no JSON object/],
  ])('%s is a sentence for the model', (_name, text, problem) => {
    const parsed = extractJson(text);
    expect(parsed.ok ? '' : parsed.problem).toMatch(problem);
  });

  test('many open braces take no time', () => {
    expect(extractJson('{'.repeat(200_000)).ok).toBe(false);
  });
});

const file = (path: string, body = 'a\n'): string => `===FILE: ${path}===\n${body}===END===\n`;

describe('the files of an answer', () => {
  test('are what stands between the marks, to the byte', () => {
    const text = `Here you are.\n${file('out/a.csv', 'x,1\n\n  y,2\n')}and\n${file('b.txt', '')}`;
    expect(fileBlocks(text)).toEqual({
      ok: true,
      value: [
        { path: 'out/a.csv', text: 'x,1\n\n  y,2\n' },
        { path: 'b.txt', text: '' },
      ],
    });
  });

  test.each<[string, string, RegExp]>([
    ['an open block', '===FILE: a.txt===\nx\n', /has no ===END===/],
    ['a block in a block', `===FILE: a.txt===\n${file('b.txt')}`, /before the next file/],
    ['a path above', file('../a.txt'), /segment/],
    ['an absolute path', file('/etc/passwd'), /is absolute/],
    ['a path twice', file('a.txt') + file('a.txt'), /comes twice/],
    [
      'too many files',
      Array.from({ length: 41 }, (_, at) => file(`${at}.txt`)).join(''),
      /41 files/,
    ],
    ['too much', file('a.txt', `${'x'.repeat(1_100_000)}\n`), /bytes, more than/],
  ])('%s is a sentence for the model', (_name, text, problem) => {
    const parsed = fileBlocks(text);
    expect(parsed.ok ? '' : parsed.problem).toMatch(problem);
  });
});

describe('the text of a completion', () => {
  const body = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
  const choice = (content: unknown, reason = 'stop') => ({
    choices: [{ message: { content }, finish_reason: reason }],
    usage: { prompt_tokens: 3, completion_tokens: 2 },
  });

  test('comes with its tokens', () => {
    const read = completionText(body(choice('hi')));
    expect(read).toEqual({ text: { ok: true, value: 'hi' }, inputTokens: 3, outputTokens: 2 });
  });

  test.each<[string, Uint8Array, RegExp]>([
    ['cut off', body(choice('hi', 'length')), /cut off/],
    ['empty', body(choice(' ')), /is empty/],
    ['absent', body(choice(null)), /is empty/],
    ['of another form', body({ error: 'x' }), /no chat completion/],
    ['no JSON', Buffer.from('<html>'), /no chat completion/],
  ])('%s is none', (_name, bytes, problem) => {
    const { text } = completionText(bytes);
    expect(text.ok ? '' : text.problem).toMatch(problem);
  });
});

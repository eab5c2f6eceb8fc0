import { expect, test } from 'vitest';
import { redactKeys } from './redact-keys.ts';

const KEY = 'a/b"c+d';

test.each<[string, string, string | undefined, string]>([
  ['itself', `key ${KEY}, no`, KEY, 'key [key], no'],
  ['in JSON', `{"key": "a/b\\"c+d"}`, KEY, '{"key": "[key]"}'],
  ['in a URL', '?key=a%2Fb%22c%2Bd', KEY, '?key=[key]'],
  ['in base64', 'Basic YS9iImMrZA==', KEY, 'Basic [key]=='],
  ['another one with stars', 'sk-abcd****wxyz', KEY, '[key]'],
  ['one that nobody knows', 'Bearer abcdef', undefined, '[key]'],
])('%s', (_name, text, key, expected) => {
  expect(redactKeys(text, key)).toBe(expected);
});

import { expect, test } from 'vitest';
import type { ForeignObject } from '../api/parse-manifest.ts';
import { configMapTasks } from './config-map-tasks.ts';

const map = (name: string, value: Record<string, unknown>): ForeignObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  name,
  value,
});
const beside = [
  map('other', { data: { 'tasks.jsonl': 'no' } }),
  map('mine', {
    data: { 'tasks.jsonl': '{"a":"ä"}', number: 7 },
    binaryData: { 'set.tar': 'dXN0\nYXI=' },
  }),
  { ...map('secret', { data: { a: 'no' } }), kind: 'Secret' },
];
const read = (name: string, key: string) => {
  const { name: file, bytes } = configMapTasks({ name, key }, beside);
  return [file, Buffer.from(bytes).toString()];
};

test('takes text and bytes of the named key', () => {
  expect(read('mine', 'tasks.jsonl')).toEqual(['tasks-tasks.jsonl', '{"a":"ä"}']);
  expect(read('mine', 'set.tar')).toEqual(['tasks-set.tar', 'ustar']);
});

test.each([
  [
    'secret',
    'a',
    'the manifest has no ConfigMap secret, found other, mine; put it into the same file',
  ],
  ['mine', 'constructor', 'has no text at "constructor", found tasks.jsonl, number, set.tar'],
  ['mine', 'number', 'has no text at "number"'],
])('refuses ConfigMap %s, key %s and says what there is', (name, key, text) => {
  expect(() => read(name, key)).toThrow(text);
});

test('a key makes a plain file name', () => {
  const tasks = configMapTasks({ name: 'x', key: '../a/b' }, [
    map('x', { data: { '../a/b': '' } }),
  ]);
  expect(tasks.name).toBe('tasks-.._a_b');
});

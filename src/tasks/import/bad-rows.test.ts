import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { loadTaskSet } from '../load-task-set.ts';
import { DEFAULT_IMPORT_LIMITS } from './import-limits.ts';

const GOOD = {
  task_id: 'good',
  prompt: 'Write output/a.txt',
  input_files: [{ file_path: 'in.txt', content: 'x' }],
  reward_files: [{ file_path: 'check.py', content: 'print({})' }],
};
const options = {
  scanAgentCode: () => 'none' as const,
  signal: new AbortController().signal,
  limits: {
    ...DEFAULT_IMPORT_LIMITS,
    fileBytes: 1000,
    taskBytes: 2500,
    rowBytes: 20_000,
    depth: 20,
  },
};

async function load(content: string | Buffer) {
  await using dir = await tempDir();
  const file = join(dir.path, 'rows.jsonl');
  await writeFile(file, content);
  return await loadTaskSet(file, options);
}

const row = (change: object): string => JSON.stringify({ ...GOOD, task_id: 'bad', ...change });
const inputs = (...paths: string[]): object => ({
  input_files: paths.map((path) => ({ file_path: path, content: 'x' })),
});

test.each<[string, string | Buffer, string, string]>([
  [
    'parent path',
    row(inputs('../../etc/passwd')),
    'UnsafePath',
    'field input_files[0].file_path: got "../../etc/passwd"',
  ],
  ['absolute path', row(inputs('/etc/passwd')), 'UnsafePath', 'is absolute'],
  ['backslash', row(inputs('a\\b')), 'UnsafePath', 'has a backslash'],
  ['control character', row(inputs('a\nb')), 'UnsafePath', 'has a control character'],
  ['over-long name', row(inputs('n'.repeat(256))), 'UnsafePath', 'longer than 255 bytes'],
  ['over-long path', row(inputs(`${'d/'.repeat(600)}x`)), 'UnsafePath', 'longer than 1024 bytes'],
  ['same path twice', row(inputs('a.txt', 'a.txt')), 'InvalidTask', 'it appears twice'],
  ['case-folding clash', row(inputs('A.txt', 'a.TXT')), 'InvalidTask', 'clashes with "A.txt"'],
  [
    'composed and decomposed name',
    row(inputs('\u00e9.txt', 'e\u0301.txt')),
    'InvalidTask',
    'clashes with',
  ],
  ['file against folder', row(inputs('a', 'a/b')), 'InvalidTask', 'a file or a folder, not both'],
  ['id as number', row({ task_id: 7 }), 'InvalidTask', 'field task_id: got 7, expected string'],
  [
    'unsafe id',
    row({ task_id: '../x' }),
    'InvalidTask',
    'field task_id: got "../x", expected at most 128 letters',
  ],
  ['id with a slash', row({ task_id: 'a/b' }), 'InvalidTask', 'field task_id'],
  ['over-long id', row({ task_id: 'i'.repeat(129) }), 'InvalidTask', 'field task_id'],
  [
    'id taken by an extension',
    row({ clawgym: { task: { schema: 'clawgym.task/v1', id: 'Good' } } }),
    'InvalidTask',
    'got "Good", expected an id that no other task has (rows.jsonl, row 1',
  ],
  [
    'prompt missing',
    row({ prompt: undefined }),
    'InvalidTask',
    'field prompt: got nothing, expected string',
  ],
  ['prompt empty', row({ prompt: '' }), 'InvalidTask', 'field prompt: got ""'],
  ['prompt as number', row({ prompt: 5 }), 'InvalidTask', 'field prompt: got 5'],
  [
    'input_files as object',
    row({ input_files: { a: 1 } }),
    'InvalidTask',
    'field input_files: got an object with a, expected array',
  ],
  [
    'content as number',
    row({ input_files: [{ file_path: 'a', content: 3 }] }),
    'InvalidTask',
    'field input_files[0].content: got 3',
  ],
  [
    'no content',
    row({ input_files: [{ file_path: 'a' }] }),
    'InvalidTask',
    'expected content or content_base64',
  ],
  [
    'bad base64',
    row({ input_files: [{ file_path: 'a', content_base64: '!!!!' }] }),
    'InvalidTask',
    'content_base64: got "!!!!", expected base64',
  ],
  [
    'unpadded base64',
    row({ input_files: [{ file_path: 'a', content_base64: 'YQ' }] }),
    'InvalidTask',
    'expected base64 with padding',
  ],
  [
    'base64 with stray bits',
    row({ input_files: [{ file_path: 'a', content_base64: 'YR==' }] }),
    'InvalidTask',
    'base64 without stray bits',
  ],
  [
    'two contents',
    row({ input_files: [{ file_path: 'a', content: 'x', content_base64: 'YQ==' }] }),
    'InvalidTask',
    'field input_files[0]: got "a", expected content or content_base64, not both',
  ],
  ['half a surrogate pair in the prompt', row({ prompt: 'x\udc00' }), 'InvalidTask', 'surrogate'],
  [
    'half a surrogate pair',
    row({ input_files: [{ file_path: 'a', content: 'x\ud800' }] }),
    'InvalidTask',
    'half of a surrogate pair',
  ],
  [
    'large file',
    row({ input_files: [{ file_path: 'a', content: 'x'.repeat(1001) }] }),
    'TooLarge',
    'got "1001 bytes", expected at most 1000 bytes a file',
  ],
  [
    'large base64',
    row({ input_files: [{ file_path: 'a', content_base64: 'A'.repeat(4000) }] }),
    'TooLarge',
    'at most 1000 bytes a file',
  ],
  [
    'large task',
    row({
      input_files: ['a', 'b', 'c'].map((path) => ({ file_path: path, content: 'x'.repeat(900) })),
    }),
    'TooLarge',
    'at most 2500 bytes a task',
  ],
  [
    'huge row',
    row({ other: 'x'.repeat(30_000) }),
    'TooLarge',
    'expected at most 20000 bytes a row',
  ],
  ['NaN', '{"task_id":"bad","prompt":"p","x":NaN}', 'InvalidTask', 'expected JSON'],
  [
    'number beyond doubles',
    '{"task_id":"bad","prompt":"p","x":[1,{"y":1e999}]}',
    'InvalidTask',
    'field row.x[1].y: got Infinity, expected finite numbers only',
  ],
  [
    'a key that copies of objects lose',
    '{"task_id":"bad","prompt":"p","x":{"__proto__":1}}',
    'InvalidTask',
    'field row.x: got an object with __proto__, expected no key "__proto__"',
  ],
  [
    'deep nesting',
    row({ other: JSON.parse(`${'['.repeat(30)}${']'.repeat(30)}`) as unknown }),
    'TooLarge',
    'nesting of at most 20',
  ],
  ['truncated row', row({}).slice(0, -20), 'InvalidTask', 'expected JSON'],
  [
    'not UTF-8',
    Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]),
    'InvalidTask',
    'expected UTF-8 text',
  ],
  ['an array', '[1,2]', 'InvalidTask', 'got an array of 2, expected a JSON object'],
  ['null', 'null', 'InvalidTask', 'got null, expected a JSON object'],
  [
    'nothing to grade with',
    row({ reward_files: [] }),
    'InvalidTask',
    'neither a code verifier nor a rubric',
  ],
  [
    'verifier without entry',
    row({ reward_files: [{ file_path: 'x.txt', content: '' }] }),
    'InvalidTask',
    'expected a reward.sh or check.py',
  ],
  [
    'mount outside',
    row({ workspace_root: '/w', input_mount_dir: '/etc' }),
    'UnsafePath',
    'field input_mount_dir: got "/etc"',
  ],
  ...['/', '/etc', '/usr/bin', '/proc/self', '/verifier', '/root/..', '/a/./b', '//a'].map(
    (root): [string, string, string, string] => [
      `workspace ${root}`,
      row({ workspace_root: root }),
      'InvalidTask',
      `field workspace.path: got ${JSON.stringify(root)}`,
    ],
  ),
  [
    'over-long workspace',
    row({ workspace_root: `/${'a'.repeat(1024)}` }),
    'InvalidTask',
    'expected an absolute path of at most 1024',
  ],
  [
    'hook without what it runs',
    row({ reward_files: [], hook_code: 'python3 /w/reward/test.py /w' }),
    'InvalidTask',
    'field hook_code: got "python3 /w/reward/test.py /w", expected reward_files',
  ],
  [
    'hook of another language',
    row({ hook_code: 'print 1', hook_lang: 'perl' }),
    'UnsupportedTask',
    'field hook_lang: got "perl", expected bash',
  ],
  [
    'unknown way to join scores',
    row({ rules: [{ name: 'r', rule: 't' }], reward_aggregation: 'best' }),
    'InvalidTask',
    'field reward_aggregation: got "best", expected code_only, rubric_only, average_code',
  ],
  ['unsafe mount', row({ input_mount_dir: '../up' }), 'UnsafePath', '../up/in.txt'],
  [
    'rubric without anchors',
    row({ rules: [{ name: 'r', scores: { '0': 'a' } }] }),
    'InvalidTask',
    'field rules[0].scores',
  ],
  [
    'rubric rule twice',
    row({ rules: [1, 2].map(() => ({ name: 'r', rule: 't' })) }),
    'InvalidTask',
    'a name that no other rule has',
  ],
  [
    'extension with unknown field',
    row({ clawgym: { task: { schema: 'clawgym.task/v1', what: 1 } } }),
    'InvalidTask',
    'field clawgym.task: got an object with schema, what, ',
  ],
  ['id taken', row({ task_id: 'GOOD' }), 'InvalidTask', 'an id that no other task has'],
])('refuses %s, names the place and keeps the other tasks', async (_name, bad, code, text) => {
  const { set, problems, refused } = await load(
    Buffer.concat([
      Buffer.from(`${JSON.stringify(GOOD)}\n`),
      Buffer.from(bad),
      Buffer.from(`\n${JSON.stringify({ ...GOOD, task_id: 'last' })}\n`),
    ]),
  );
  expect(set.tasks.map(({ task }) => task.id)).toEqual(['good', 'last']);
  expect(refused).toBe(1);
  expect(problems[0]?.code).toBe(code);
  expect(problems[0]).toMatchObject({ file: 'rows.jsonl', row: 2 });
  expect(problems[0]?.message).toMatch(/^rows\.jsonl, row 2/);
  expect(problems[0]?.message).toContain(text);
});

test('an offending value is cut to 80 characters and escaped', async () => {
  const { problems } = await load(row({ task_id: `\u001b[31m${'x'.repeat(5_000)}` }));
  expect(problems[0]?.message).toContain('\\u001b[31m');
  expect(problems[0]?.message).not.toContain('\u001b');
  expect(problems[0]?.message.length).toBeLessThan(400);
});

test('every bad field of a row is reported', async () => {
  const { problems, refused } = await load(row({ prompt: 1, input_files: [{ file_path: 2 }] }));
  expect(refused).toBe(1);
  expect(problems.map(({ field }) => field)).toEqual(['prompt', 'input_files[0].file_path']);
});

test('takes a byte-order mark, CRLF, empty lines and no last line break', async () => {
  const rows = [GOOD, { ...GOOD, task_id: 'b' }].map((one) => JSON.stringify(one));
  const { set, problems } = await load(`\ufeff${rows[0]}\r\n\r\n\n${rows[1]}`);
  expect(problems).toEqual([]);
  expect(set.tasks.map(({ task }) => task.id)).toEqual(['good', 'b']);
});

test('keeps unknown fields', async () => {
  const { set } = await load(
    JSON.stringify({ ...GOOD, shoe_size: 43, metadata: { category: 'c', depth: { a: [1] } } }),
  );
  expect(set.tasks[0]?.task.category).toBe('c');
  expect(set.tasks[0]?.task.extra).toEqual({ shoe_size: 43, metadata: { depth: { a: [1] } } });
});

test.each([
  ['', 'the file is empty'],
  ['\n\n', 'no clawgym-jsonl task'],
])('refuses a source without tasks: %j', async (content, text) => {
  await expect(load(content)).rejects.toThrow(text);
});

test('reads the public form: the verifier travels in input_files, the hook and the id in their fields', async () => {
  const { set, problems } = await load(
    JSON.stringify({
      prompt: 'Write a.txt',
      hook_code: 'python3 /root/.openclaw/workspace/reward/test.py /root/.openclaw/workspace',
      origin_template: '---\nid: task_from_template\nname: x\n---',
      input_files: [
        { file_path: 'in.txt', content: 'x' },
        { file_path: 'reward/test.py', content: 'print({})' },
      ],
      rule: [{ name: 'tone', target_file: 'a.txt', rule: 'Is it kind?' }],
    }),
  );
  expect(problems).toEqual([]);
  const task = set.tasks[0]?.task;
  expect(task?.id).toBe('task_from_template');
  expect(task?.workspace.inputs.map(({ path }) => path)).toEqual(['in.txt']);
  expect(task?.verifier).toMatchObject({ dialect: 'check-json', entry: 'check.py' });
  expect(task?.rubric).toEqual([{ name: 'tone', path: 'a.txt', text: 'Is it kind?', weight: '1' }]);
});

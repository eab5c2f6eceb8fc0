import { expect, test } from 'vitest';
import { DEFAULT_IMPORT_LIMITS } from '../import/import-limits.ts';
import { MemoryBlobs } from '../memory-blobs.ts';
import { TASK_SCHEMA, type Task, zTask } from '../task.ts';
import { type CheckTaskOptions, checkTask } from './check-task.ts';
import { hostPathIn } from './host-paths.ts';
import { secretIn } from './secret-patterns.ts';

interface Parts {
  text?: string;
  inputs?: Record<string, string | Buffer>;
  check?: string | Buffer | null;
  /** Further files of the verifier. */
  beside?: Record<string, string>;
  solution?: Record<string, string>;
  rubric?: boolean;
}

async function findings(
  parts: Parts,
  options: CheckTaskOptions = {},
  change: (task: Task) => Task = (task) => task,
) {
  const blobs = new MemoryBlobs();
  const filed = (files: Record<string, string | Buffer> = {}) =>
    Object.entries(files).map(([path, content]) => ({
      path,
      digest: blobs.put(Buffer.from(content)),
      size: Buffer.from(content).length,
    }));
  const check = parts.check === undefined ? 'print({})' : parts.check;
  const task = zTask.parse({
    schema: TASK_SCHEMA,
    id: 'a',
    instruction: { turns: [{ text: parts.text ?? 'Write output/a.txt' }] },
    workspace: {
      path: '/root/.openclaw/workspace',
      inputs: filed(parts.inputs).map((file) => ({ ...file, mode: 'protected' })),
    },
    ...(check !== null && {
      verifier: {
        dialect: 'check-json',
        entry: 'check.py',
        agentCode: 'none',
        files: filed({ 'check.py': check, ...parts.beside }),
      },
    }),
    ...(parts.rubric && { rubric: [{ name: 'r', text: 't' }] }),
    ...(parts.solution && { solution: { files: filed(parts.solution) } }),
  });
  return (await checkTask(change(task), blobs, options)).map(
    ({ level, code }) => `${level} ${code}`,
  );
}

const KEY = `${['-----BEGIN', 'PRIVATE KEY-----\n'].join(' ')}MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj`;

test.each<[string, Parts, string[]]>([
  ['a sound task', {}, []],
  [
    'white space for an instruction',
    { text: ' \n' },
    ['error EmptyInstruction', 'warning OutputsUnnamed'],
  ],
  ['no path named', { text: 'Think hard.' }, ['warning OutputsUnnamed']],
  ['a judged task', { check: null, rubric: true }, ['warning JudgedOnly']],
  ['nothing to grade with', { check: null }, ['error VerifierMissing']],
  ['a key in an input', { inputs: { 'id.txt': KEY } }, ['error SecretLooking']],
  ['a key in the instruction', { text: `Write a.txt with ${KEY}` }, ['error SecretLooking']],
  ['a home folder in the verifier', { check: 'open("/home/ann/x.txt")' }, ['error HostPath']],
  ['a home folder in an input', { inputs: { 'a.txt': '/home/ann/x.txt' } }, ['warning HostPath']],
  [
    'the workspace in the verifier',
    { check: 'open("/root/.openclaw/workspace/output/a.txt")' },
    [],
  ],
  ['a table that is not UTF-8', { inputs: { 'a.csv': Buffer.from([0xff]) } }, ['error NotUtf8']],
  ['a picture', { inputs: { 'a.png': Buffer.from([0xff]) } }, []],
  ['a verifier that is not UTF-8', { check: Buffer.from([0xff]) }, ['error NotUtf8']],
  [
    'the verifier among the inputs',
    { inputs: { 'lib/c.py': 'print({})' } },
    ['error VerifierInWorkspace'],
  ],
  [
    'a module of the verifier among the inputs',
    {
      check: 'import json, rules\n',
      beside: { 'rules.py': 'import more\n', 'more.py': 'LIMIT = 3\n' },
      inputs: { 'tools/limit.py': 'LIMIT = 3\n' },
    },
    ['error VerifierInWorkspace'],
  ],
  [
    'a program that the verifier starts among the inputs',
    {
      check: 'import os\nos.system("bash /verifier/run.sh")',
      beside: { 'run.sh': 'echo 1' },
      inputs: { 'run.sh': 'echo 1' },
    },
    ['error VerifierInWorkspace'],
  ],
  [
    'inputs that the verifier keeps copies of',
    {
      check: 'open("tool.original.py"); open("a.ini"); print({})',
      beside: { 'tool.original.py': 'print(1)', 'a.ini': '[x]' },
      inputs: { 'tool.py': 'print(1)', 'conf/a.ini': '[x]' },
    },
    [],
  ],
  [
    'the answer among the inputs',
    { inputs: { 'old/a.txt': 'answer' }, solution: { 'output/a.txt': 'answer' } },
    ['error VerifierInWorkspace'],
  ],
  [
    'a solution that keeps an input',
    { inputs: { 'a.txt': 'same' }, solution: { 'a.txt': 'same' } },
    [],
  ],
])('%s gives %j', async (_name, parts, expected) => {
  expect(await findings(parts)).toEqual(expected);
});

test('sizes above the caps end the check before anything is read', async () => {
  const limits = { ...DEFAULT_IMPORT_LIMITS, fileBytes: 5, taskBytes: 6 };
  expect(await findings({ check: '123456789' }, { limits })).toEqual([
    'error TooLarge',
    'error TooLarge',
  ]);
});

test('a verifier that does not parse is an error', async () => {
  const pythonSyntaxError = async (source: string) =>
    source.includes('(') ? 'line 1: no' : undefined;
  expect(await findings({}, { pythonSyntaxError })).toEqual(['error VerifierSyntax']);
});

test('an entry that is no file, and agent code, are named', async () => {
  const change = (task: Task): Task => ({
    ...task,
    ...(task.verifier && { verifier: { ...task.verifier, entry: 'no.py', agentCode: 'child' } }),
  });
  expect(await findings({}, {}, change)).toEqual([
    'error VerifierMissing',
    'warning VerifierRunsAgentCode',
  ]);
});

test.each<[string, string | undefined]>([
  [`AKIA${'Q3EGRRRR4T7ZUWVB'}`, 'an AWS access key id'],
  ['AKIAIOSFODNN7EXAMPLE', undefined],
  [`ghp_${'a8Kd9fLq2Zx7Wm4Rt6Yv1Bn3Cs5Gh0JkPqEu'}`, 'a GitHub token'],
  [`ghp_${'x'.repeat(36)}`, undefined],
  [`sk-proj-${'a8Kd9fLq2Zx7Wm4Rt6Yv1Bn3Cs5Gh0Jk'}`, 'an OpenAI or Anthropic key'],
  ['sk-your-key-goes-right-here-0000000000', undefined],
  [`hf_${'aKdfLqZxWmRtYvBnCsGhJkPqEuTyUiOpAs'}`, 'a Hugging Face token'],
  ['token: abc123', undefined],
])('%s holds %s', (text, expected) => {
  expect(secretIn(`key = "${text}"`)).toBe(expected);
});

test.each<[string, string | undefined]>([
  ['see /home/bob/notes.txt', '/home/bob/notes.txt'],
  ['C:\\Users\\bob\\x.txt', 'C:\\Users\\bob\\x.txt'],
  ['/root/.openclaw/workspace/a.txt', undefined],
  ['/root/.openclaw/workspace-2/a.txt', '/root/.openclaw/workspace-2/a.txt'],
  ['https://a.example/home/bob/x', undefined],
  ['GET /home HTTP/1.1', undefined],
  ['/usr/bin/env python3', undefined],
])('in %j the host path is %j', (text, expected) => {
  expect(hostPathIn(text, '/root/.openclaw/workspace')).toBe(expected);
});

import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../src/base/digest.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { compileVerifiers } from '../../src/phases/compile-verifiers.ts';
import { CompiledVerifiers } from '../../src/phases/compiled-verifiers.ts';
import { ownProcessMark } from '../../src/store/process-mark.ts';
import { MemoryBlobs } from '../../src/tasks/memory-blobs.ts';
import { TASK_SCHEMA, zTask } from '../../src/tasks/task.ts';
import type { TaskSet } from '../../src/tasks/task-set.ts';
import { hostSandbox } from '../support/grading.ts';
import { gradingPlace } from '../support/grading-place.ts';
import { keepingLogger } from '../support/keeping-logger.ts';

const signal = new AbortController().signal;
const place = gradingPlace(hostSandbox);

async function compiled(source: string): Promise<Uint8Array | undefined> {
  const one = { key: 'a', place: '/verifier/check.py', source: Buffer.from(source) };
  return (await compileVerifiers([one], place.sandbox, join(place.path, 'compiling'), signal)).get(
    'a',
  );
}

async function bothWays(source: string, change = (bytes: Uint8Array) => bytes) {
  const bytes = await compiled(source);
  const verifier = { 'check.py': source };
  const plain = await place.run({ verifier });
  const known = bytes && change(bytes);
  const fast = await place.run({ verifier, compiled: { of: () => known } });
  return { plain, fast, bytes };
}

const NAMES_ITSELF = `
import inspect, json, os, sys
def where():
    return inspect.getsource(where).splitlines()[-1].strip()
print(json.dumps({
    "file": __file__ == "/verifier/check.py" == where.__code__.co_filename,
    "name": __name__ == "__main__" and sys.argv[0] == __file__,
    "source": where().startswith("return"),
    "left": os.listdir("/verdict") == [],
}))
`;

describe('a verifier that was compiled before', () => {
  test.each([
    ['gives its checks, and finds no trace of it', NAMES_ITSELF, { status: 'ok', flat: 1 }],
    [
      'is blamed at the same line',
      'import json\n\n\nprint(json.loads("x"))\n',
      { status: 'crash', message: expect.stringContaining('(check.py line 4)') },
    ],
    ['exits alike', 'print("{}")\nraise SystemExit(3)\n', { status: 'crash' }],
  ])('%s', async (_what, source, expected) => {
    const { plain, fast, bytes } = await bothWays(source);
    expect(bytes).toBeDefined();
    expect(fast).toMatchObject(expected);
    expect({ ...fast, seconds: 0 }).toEqual({ ...plain, seconds: 0 });
  });

  test('is compiled anew where another interpreter made the form', async () => {
    const { fast } = await bothWays('print(1)\n', (bytes) => {
      return Uint8Array.from(bytes, (byte, at) => (at === 0 ? byte ^ 1 : byte));
    });
    expect(fast).toMatchObject({ status: 'ok', flat: 1 });
  });

  test.each([
    ['no Python', 'print('],
    ['a NUL', 'print(1)\0'],
    ['nested too deep', `x = ${'('.repeat(5000)}1${')'.repeat(5000)}`],
  ])('is left to the grader where its source is %s', async (_what, source) => {
    const { plain, fast, bytes } = await bothWays(source);
    expect(bytes).toBeUndefined();
    expect(fast).toMatchObject({ status: 'crash', message: plain.message });
  });

  test('runs nothing of it', async () => {
    const source = 'import os\nos.mkdir("/out/ran")\nraise SystemExit(1)\n';
    expect(await compiled(source)).toBeDefined();
  });
});

async function taskSet(sources: readonly string[]): Promise<TaskSet> {
  const blobs = new MemoryBlobs();
  const tasks = sources.map((source, index) => {
    const bytes = Buffer.from(source);
    const file = {
      path: 'check.py',
      digest: blobs.put(bytes),
      size: bytes.length,
      executable: false,
    };
    const task = zTask.parse({
      schema: TASK_SCHEMA,
      id: `task-${index}`,
      instruction: { turns: [{ text: 'do it' }] },
      workspace: { path: '/work', inputs: [] },
      verifier: { dialect: 'check-json', entry: 'check.py', files: [file], agentCode: 'none' },
    });
    return { task, digest: sha256(task.id) };
  });
  return { digest: sha256('set'), tasks, blobs };
}

describe('the compiled forms', () => {
  const verifiers = ({ tasks }: TaskSet) =>
    tasks.flatMap(({ task }) => (task.verifier ? [task.verifier] : []));

  /** Names of the forms; nothing may be left of making them. */
  async function kept(folder: string): Promise<string[]> {
    expect(await readdir(join(folder, 'tmp'))).toEqual([]);
    return (await readdir(folder)).filter((name) => name !== 'tmp');
  }

  async function made(cacheDir: string, sources: readonly string[]): Promise<TaskSet> {
    const set = await taskSet(sources);
    await using forms = new CompiledVerifiers({
      cacheDir,
      sandbox: place.sandbox,
      logger: silentLogger,
    });
    forms.prepare(set);
    const [last] = verifiers(set).slice(-1);
    await expect.poll(() => last && forms.of(last), { timeout: 20_000 }).toBeDefined();
    return set;
  }

  test('are kept from run to run, and the bad ones left out', async () => {
    const cacheDir = join(place.path, 'kept');
    const set = await made(cacheDir, ['print(1)', 'print(', 'print(2)']);
    const broken = { ...place.sandbox, run: () => Promise.reject(new Error('not again')) };
    await using later = new CompiledVerifiers({ cacheDir, sandbox: broken, logger: silentLogger });
    expect(verifiers(set).map((verifier) => later.of(verifier) !== undefined)).toEqual([
      true,
      false,
      true,
    ]);
  });

  test('are made without what a dead process left of making some', async () => {
    const cacheDir = join(place.path, 'dead');
    const temporary = join(cacheDir, 'compiled-verifiers', 'tmp');
    const dead = ownProcessMark().replace(/[^.]+$/, '1');
    await mkdir(join(temporary, `${dead}.a`, 'in'), { recursive: true });
    await made(cacheDir, ['print(1)']);
    expect(await kept(dirname(temporary))).toHaveLength(1);
  });

  test('of another runner root are others', async () => {
    const cacheDir = join(place.path, 'root');
    const [verifier] = verifiers(await made(cacheDir, ['print(1)']));
    const other = { root: 'other', run: place.sandbox.run.bind(place.sandbox) };
    await using forms = new CompiledVerifiers({ cacheDir, sandbox: other, logger: silentLogger });
    expect(verifier && forms.of(verifier)).toBeUndefined();
  });

  test('that were damaged are not run, and go', async () => {
    const cacheDir = join(place.path, 'damaged');
    const [verifier] = verifiers(await made(cacheDir, ['print(1)']));
    const folder = join(cacheDir, 'compiled-verifiers');
    const [name] = await kept(folder);
    await writeFile(join(folder, name ?? ''), Buffer.alloc(500));
    await using forms = new CompiledVerifiers({
      cacheDir,
      sandbox: place.sandbox,
      logger: silentLogger,
    });
    expect(verifier && forms.of(verifier)).toBeUndefined();
    expect(await kept(folder)).toEqual([]);
  });

  test('are done without where their sandbox fails', async () => {
    const cacheDir = join(place.path, 'fails');
    const lines: string[] = [];
    const broken = {
      ...place.sandbox,
      root: 'x',
      run: () => Promise.reject(new Error('no sandbox')),
    };
    const set = await taskSet(['print(1)']);
    await using forms = new CompiledVerifiers({
      cacheDir,
      sandbox: broken,
      logger: keepingLogger(lines),
    });
    forms.prepare(set);
    await expect.poll(() => lines).toEqual(['verifiers are compiled at each grading: no sandbox']);
    expect(await kept(join(cacheDir, 'compiled-verifiers'))).toEqual([]);
  });
});

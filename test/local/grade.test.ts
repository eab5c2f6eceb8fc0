import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type GradeCase, hostSandbox } from '../support/grading.ts';
import { gradingPlace } from '../support/grading-place.ts';

const place = gradingPlace(hostSandbox);
const { run } = place;
const python = (source: string, more: Partial<GradeCase> = {}) =>
  run({ verifier: { 'check.py': source }, ...more });
const prints = (json: string) => python(`print(${JSON.stringify(json)})`);

describe('a check-json verifier', () => {
  it('gets the workspace as its argument and its own folder on the path', async () => {
    const result = await run({
      verifier: {
        'check.py': `
import json, os, sys
from helper import word
payload = json.load(open(os.environ["OPENCLAW_REWARD_PAYLOAD"]))
if __name__ == "__main__":
    ws = sys.argv[1]
    print(json.dumps({
        "reads": open(os.path.join(ws, "a.txt")).read() == word,
        "payload": payload["final_message"] == "done",
        "outside": not os.environ["OPENCLAW_REWARD_PAYLOAD"].startswith(ws),
        "no_input": sys.stdin.read() == "",
        "empty_cwd": os.listdir(".") == [],
        "isolated": sys.flags.isolated == 1,
    }))
    sys.exit(0)
`,
        'helper.py': 'word = "hello"',
      },
      workspace: { 'a.txt': 'hello' },
    });
    expect(result).toMatchObject({ status: 'ok', message: '', flat: 1, native: 1, root: 'host' });
    expect(result.checks).toHaveLength(6);
    expect(result.findings.map((finding) => finding.code)).toContain('HostPython');
  });

  it('adds in key order in plain doubles, over all values and in all number forms', async () => {
    const values = '{"z": 0.1, "a": 0.2, "m": "0.3", "b": true, "c": false}';
    const result = await prints(values);
    expect(result.checks.map((check) => check.name)).toEqual(['z', 'a', 'm', 'b', 'c']);
    expect(result.flat).toBe((0.1 + 0.2 + 0.3 + 1 + 0) / 5);
  });

  it.each<[string, string, Partial<Awaited<ReturnType<typeof run>>>]>([
    ["the author's reward", '{"reward": 0.25, "a": true}', { flat: 0.625, native: 0.25 }],
    ['a reward above 1', '{"reward": 3, "a": 0}', { flat: 1.5, native: 1 }],
    ['a reward that is not first', '{"a": 0, "reward": 1}', { flat: 0.5, native: 0.5 }],
    ['a reward that is a boolean', '{"reward": true, "a": 0}', { flat: 0.5, native: 0.5 }],
    ['a bare number', '0.75', { flat: 0.75, native: 0.75 }],
    ['a log before the last line', 'log\n{"a": 1}\n', { flat: 1 }],
    ['a repeated key: its last value counts once', '{"a": 0, "b": 0, "a": 1}', { flat: 0.5 }],
  ])('takes %s', async (_name, printed, expected) => {
    expect(await prints(printed)).toMatchObject({ status: 'ok', ...expected });
  });

  it.each<[string, string, RegExp]>([
    ['nothing', '', /printed nothing/],
    ['text', 'all good', /not JSON/],
    ['NaN', '{"a": NaN}', /finite/],
    ['infinity by size', '{"a": 1e999}', /finite/],
    ['infinity by sum', '{"a": 1e308, "b": 1e308}', /finite/],
    ['a huge integer', `{"a": 1${'0'.repeat(400)}}`, /finite/],
    ['nested values', '{"a": {"b": 1}}', /"?'a' has the value dict/],
    ['null', '{"a": null}', /None/],
    ['words as values', '{"a": "yes"}', /'yes'/],
    ['a list', '[1, 1]', /list/],
    ['deep nesting', '['.repeat(100_000), /not JSON/],
    ['a long name', `{"${'n'.repeat(257)}": 1}`, /name/],
    ['a lone surrogate as a name', String.raw`{"\ud800": 1}`, /name/],
  ])('refuses %s', async (_name, printed, message) => {
    const result = await prints(printed);
    expect(result).toMatchObject({ status: 'invalid', checks: [], flat: null, native: null });
    expect(result.message).toMatch(message);
  });

  it('refuses more than 1,000 checks and takes 1,000', async () => {
    const many = (n: number) =>
      python(`import json\nprint(json.dumps({f"c{i}": 1 for i in range(${n})}))`);
    expect(await many(1001)).toMatchObject({ status: 'invalid' });
    expect(await many(1000)).toMatchObject({ status: 'ok', flat: 1 });
  });

  it("keeps the reference's 0.0 of an empty object beside the refusal", async () => {
    expect(await prints('{}')).toMatchObject({ status: 'invalid', flat: 0, native: 0 });
  });

  it.each<[string, string, RegExp]>([
    [
      'an exception',
      'print("{}")\nraise KeyError("total")',
      /KeyError: 'total' \(check.py line 2\)/,
    ],
    ['a non-zero exit', 'print("1")\nimport sys\nsys.exit(3)', /exited with 3/],
    ['an exit with text', 'print("1")\nimport sys\nsys.exit("no")', /exited with 'no'/],
    ['endless recursion', 'def f(): return f()\nf()', /RecursionError/],
    ['a syntax error', 'def', /SyntaxError/],
    [
      'an exit behind the back',
      'print("1", flush=True)\nimport os\nos._exit(0)',
      /without a verdict/,
    ],
    ['an exit behind the back with a code', 'import os\nos._exit(7)', /exit code 7/],
    ['a segmentation fault', 'import ctypes\nctypes.string_at(0)', /SIGSEGV/],
    [
      'an exception that cannot be shown',
      'class E(Exception):\n def __str__(s): raise E()\nraise E()',
      /E/,
    ],
    [
      'escape sequences',
      'raise ValueError("\\x1b[2J\\u202e\\nforged line")',
      /\\u\{1b\}\[2J\\u\{202e\}/,
    ],
  ])('crashes by %s', async (_name, source, message) => {
    const result = await python(source);
    expect(result).toMatchObject({ status: 'crash', flat: null, native: null, checks: [] });
    expect(result.message).toMatch(message);
  });

  it.each([
    ['sleeps', 'import time\ntime.sleep(60)'],
    ['computes', 'while True: pass'],
    [
      'swallows every exception',
      'while True:\n try:\n  while True: pass\n except BaseException: pass',
    ],
    ['is lost in a regular expression', 'import re\nre.match("(a+)+$", "a" * 60 + "b")'],
    ['waits for a program', 'import subprocess\nsubprocess.run(["sleep", "60"])'],
    [
      'has taken the alarm',
      'import signal, time\nsignal.signal(signal.SIGALRM, lambda *a: 0)\nsignal.alarm(50)\ntime.sleep(60)',
    ],
    [
      'waits for a thread',
      'import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()',
    ],
  ])('times out when it %s', async (_name, source) => {
    const result = await python(source, { timeoutSeconds: 1 });
    expect(result).toMatchObject({ status: 'timeout', flat: null });
    expect(result.seconds).toBeLessThan(5);
  });

  it('is bounded in what it prints', async () => {
    const source = 'import sys\nfor _ in range(1024): sys.stdout.write("x" * (1 << 20))';
    expect(await python(source)).toMatchObject({ status: 'invalid', message: /printed more than/ });
  }, 60_000);

  it('is killed for memory beyond the limit, by name', async () => {
    const result = await python('a = bytearray(600 << 20)', { limits: { memoryMiB: 256 } });
    expect(result).toMatchObject({ status: 'crash' });
    expect(result.message).toMatch(/256 MiB|MemoryError/);
  });

  it('may change its scratch workspace and print late', async () => {
    const source = `
import atexit, pathlib, sys, threading
pathlib.Path(sys.argv[1], "reward").mkdir()
atexit.register(lambda: print('1}'))
threading.Thread(target=lambda: print('{"a": ', end="")).start()
`;
    expect(await python(source)).toMatchObject({ status: 'ok', flat: 1 });
  });

  it('ends with the signal of its caller', async () => {
    const stop = AbortSignal.timeout(500);
    await expect(python('import time\ntime.sleep(60)', { signal: stop })).rejects.toMatchObject({
      code: 'Cancelled',
    });
  });
});

describe('the interpreter of a verifier', () => {
  it('has the builtins and packages of an ordinary start', async () => {
    const verifier = 'import yaml\nprint(\'{"ok": 1}\')\nexit(0)';
    const result = await python(verifier);
    // A host without the package grades without it; the runner root has it.
    if (!result.message.includes("No module named 'yaml'"))
      expect(result).toMatchObject({ flat: 1 });
    expect(await python('print(\'{"ok": 1}\')\nexit()')).toMatchObject({ status: 'ok', flat: 1 });
  });
});

describe('the first process of the sandbox', () => {
  it('refuses to run where it is not process 1, since its end kills every process it sees', () => {
    const programs = fileURLToPath(new URL('../../src/phases/programs', import.meta.url));
    // One of its modules lies beside the agent's wrapper, which shares it.
    const paths = JSON.stringify([programs, `${programs}/agent_init`]);
    const start = `import sys; sys.path[:0] = ${paths}; import grade_init; grade_init.main()`;
    const ended = spawnSync('/usr/bin/python3', ['-I', '-B', '-c', start], { input: '{}' });
    expect(ended.status).toBe(1);
    expect(ended.stderr.toString()).toMatch(/first process of its own PID namespace/);
  });
});

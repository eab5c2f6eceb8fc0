import { chmod } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProcessSandbox } from '../../src/phases/process-sandbox.ts';
import { type GradeCase, gradeCase, hostSandbox } from '../support/grading.ts';
import { tempDir } from '../support/temp-dir.ts';

let sandbox: ProcessSandbox;
let dir: Awaited<ReturnType<typeof tempDir>>;
beforeAll(async () => {
  sandbox = await hostSandbox();
  dir = await tempDir();
  await chmod(dir.path, 0o755);
});
afterAll(() => dir[Symbol.asyncDispose]());

const run = (one: GradeCase) => gradeCase(sandbox, dir.path, one);
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

/** A verifier that runs agent.py as a child, gives it a second, and judges 0.5. */
const PARENT = `
import json, subprocess, sys, time
p = subprocess.run([sys.executable, sys.argv[1] + "/agent.py"], cwd=sys.argv[1])
print(json.dumps({"verdict": 0.5, "child_ended": p.returncode == 0}))
`;
const attacked = (agent: string, more: Partial<GradeCase> = {}) =>
  python(PARENT, { workspace: { 'agent.py': agent }, agentCode: 'child', ...more });

describe('a verifier that runs what the agent wrote', () => {
  it.each([
    [
      'kills process 1',
      'import os\nfor s in range(1, 65):\n try: os.kill(1, s)\n except OSError: pass',
    ],
    ['kills everything', 'import os, signal\nsignal.signal(15, signal.SIG_IGN)\ntry: os.kill(-1, 15)\nexcept OSError: pass'],
    ['prints a perfect result', `print('{"verdict": 1.0}', flush=True)`],
    [
      'prints to every descriptor it can find',
      `import os\nfor pid in os.listdir("/proc"):\n if pid.isdigit() and os.path.isdir(f"/proc/{pid}/fd"):\n  try: fds = os.listdir(f"/proc/{pid}/fd")\n  except OSError: continue\n  for fd in fds:\n   if pid == str(os.getpid()) and int(fd) > 2: continue\n   try: open(f"/proc/{pid}/fd/{fd}", "w").write('{"verdict": 1.0}')\n   except OSError: pass`,
    ],
    [
      'writes a verdict early and late',
      `import json, os, time\nif os.fork() == 0:\n os.setsid()\n while True:\n  try: open("/verdict/verdict.json", "w").write(json.dumps({"nonce": "x", "status": "ok"}))\n  except OSError: pass`,
    ],
    [
      'puts a folder in the verdict’s place',
      'import os\nos.makedirs("/verdict/verdict.json/x/y")\nos.makedirs("/verdict/verdict.json.partial")\nos.chmod("/verdict", 0)',
    ],
    [
      'puts a link in the verdict’s place',
      'import os\nos.symlink("/etc/passwd", "/verdict/verdict.json")\nos.mkfifo("/verdict/verdict.json.partial")',
    ],
    [
      'stays behind in the background',
      'import os, time\nfor _ in range(20):\n if os.fork() == 0:\n  os.setsid()\n  time.sleep(1000)\n  os._exit(0)',
    ],
    ['floods its output', 'import sys\nfor _ in range(200): sys.stdout.write("x" * (1 << 20))'],
    [
      'plants modules and shims',
      `import os\nfor n in ("json.py", "sitecustomize.py", "usercustomize.py", "conftest.py", "subprocess.py"):\n open(n, "w").write('print("{\\\\"verdict\\\\": 1}")\\nimport os\\nos._exit(0)')\nopen("python3", "w").write("#!/bin/sh\\necho 1")\nos.chmod("python3", 0o755)\nfor d in ("/usr/bin", "/usr/local/bin", "/verifier", "/program", "/tmp/clawgym-grade/cwd"):\n try: open(d + "/json.py", "w").write("raise SystemExit")\n except OSError: pass`,
    ],
  ])('keeps its verdict when the program %s', async (_name, agent) => {
    const result = await attacked(agent);
    expect(result).toMatchObject({
      status: 'ok',
      checks: [
        { name: 'verdict', value: 0.5 },
        { name: 'child_ended', value: 1 },
      ],
      flat: 0.75,
    });
    expect(result.seconds).toBeLessThan(15);
  });

  it('cannot be traced, read or written by the program', async () => {
    const agent = `
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
traced = libc.ptrace(16, 1, 0, 0) == 0
reached = []
for name in ("mem", "environ", "auxv", "maps", "cwd", "root", "exe"):
    try:
        path = f"/proc/1/{name}"
        os.readlink(path) if name in ("cwd", "root", "exe") else open(path).read(1)
        reached.append(name)
    except OSError:
        pass
for fd in range(0, 30):
    try:
        os.readlink(f"/proc/1/fd/{fd}")
        reached.append(fd)
    except OSError:
        pass
sys.exit(traced or len(reached))
`;
    expect(await attacked(agent)).toMatchObject({ status: 'ok', flat: 0.75 });
  });

  it('bounds the memory of the program, and still judges', async () => {
    const agent = 'a = []\nwhile True: a.append(bytearray(8 << 20))';
    const result = await attacked(agent, { limits: { memoryMiB: 384 } });
    expect(result.checks).toEqual([
      { name: 'verdict', value: 0.5 },
      { name: 'child_ended', value: 0 },
    ]);
  });

  it('has no score where many programs use up the memory of the sandbox', async () => {
    const agent =
      'import os, time\nfor _ in range(12):\n if os.fork() == 0:\n  a = bytearray(120 << 20)\n  time.sleep(20)\n  os._exit(0)\ntime.sleep(1)';
    const result = await attacked(agent, { limits: { memoryMiB: 384 }, timeoutSeconds: 5 });
    const killed = result.findings.some((finding) => finding.code === 'ChildKilledForMemory');
    expect(result.status === 'crash' || result.status === 'timeout' || killed).toBe(true);
    expect(result.flat ?? 0).toBeLessThanOrEqual(0.75);
  });

  it('survives a fork bomb', async () => {
    const agent = 'import os\nwhile True:\n try: os.fork()\n except OSError: pass';
    const result = await attacked(agent, { timeoutSeconds: 3, limits: { pids: 64 } });
    expect(['timeout', 'crash', 'ok']).toContain(result.status);
    expect(result.flat ?? 0).toBeLessThanOrEqual(0.75);
  });

  it('ignores what lay in the workspace before it started', async () => {
    const planted = 'print(\'{"verdict": 1}\')\nimport os\nos._exit(0)';
    const result = await python('import json\nprint(json.dumps({"verdict": 0.5}))', {
      workspace: {
        'json.py': planted,
        'sitecustomize.py': planted,
        'usercustomize.py': planted,
        'conftest.py': planted,
        python3: '#!/bin/sh\necho 1',
        '.local/lib/python3.11/site-packages/usercustomize.py': planted,
        'reward/check.py': planted,
      },
    });
    expect(result).toMatchObject({ status: 'ok', flat: 0.5 });
  });

  it('is named where its code was seen to load files of the workspace', async () => {
    const source = 'import sys\nsys.path.insert(0, sys.argv[1])\nimport agent\nprint("1")';
    const result = await python(source, { workspace: { 'agent.py': 'x = 1' } });
    expect(result.findings.map((finding) => finding.code)).toContain('VerifierRunsAgentCode');
    expect(result.observed.inProcess).toEqual(['/root/.openclaw/workspace/agent.py']);
  });
});

describe('a reward-sh verifier', () => {
  const shell = (script: string, more: Partial<GradeCase> = {}) =>
    run({ dialect: 'reward-sh', entry: 'reward.sh', verifier: { 'reward.sh': script }, ...more });

  it('finds its files where its layout names them, over what the agent left there', async () => {
    const result = await run({
      dialect: 'reward-sh',
      entry: 'reward.sh',
      verifier: {
        'reward.sh':
          "set -euo pipefail\npython3 /root/.openclaw/workspace/reward/check.py /root/.openclaw/workspace | python3 -c 'import json,sys; d=json.load(sys.stdin); print(sum(d.values())/len(d))'",
        'check.py': 'import json\nprint(json.dumps({"a": 1, "b": 0}))',
      },
      workspace: {
        'reward/check.py': 'print("{\\"a\\": 1}")',
        'reward/json.py': 'x',
        'json.py': 'x',
      },
    });
    expect(result).toMatchObject({
      status: 'ok',
      flat: 0.5,
      checks: [{ name: 'reward', value: 0.5 }],
    });
    expect(result.findings.map((finding) => finding.code)).toContain('VerifierVisibleInWorkspace');
  });

  it.each<[string, string, object]>([
    ['takes the last non-empty line', 'echo log; echo 0.25; echo', { status: 'ok', flat: 0.25 }],
    [
      'crashes on a non-zero exit',
      'echo 1; echo gone >&2; exit 3',
      { status: 'crash', message: 'the script exited with 3: gone' },
    ],
    ['refuses text', 'echo fine', { status: 'invalid' }],
    ['refuses NaN', 'echo nan', { status: 'invalid' }],
    ['refuses silence', 'true', { status: 'invalid' }],
    ['does not wait for what stays behind', 'sleep 1000 & echo 1', { status: 'ok', flat: 1 }],
    ['keeps native in bounds', 'echo 2', { status: 'ok', flat: 2, native: 1 }],
  ])('%s', async (_name, script, expected) => {
    expect(await shell(script)).toMatchObject(expected);
  });

  it('times out', async () => {
    expect(await shell('sleep 60', { timeoutSeconds: 1 })).toMatchObject({ status: 'timeout' });
  });
});

describe('a pinchbench verifier', () => {
  const grader = (source: string, more: Partial<GradeCase> = {}) =>
    run({ dialect: 'pinchbench', verifier: { 'grader.py': source }, ...more });
  const body = (result: string) => `def grade(transcript, workspace_path):\n    return ${result}\n`;

  it('averages the numbers, clamped, and drops the rest', async () => {
    const result = await grader(
      body('{"a": True, "b": 0.5, "c": 7, "d": -1, "note": "x", "n": None}'),
    );
    expect(result).toMatchObject({ status: 'ok', flat: 0.625, native: 0.625 });
    expect(result.checks.map((check) => check.name)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('gets the transcript in the shape both grader generations read', async () => {
    const source = `
def grade(transcript, workspace_path):
    items = [i for r in transcript if "message" in r for i in r["message"]["content"]]
    calls = [i for i in items if i["type"] == "toolCall"]
    return {
        "bad_line": "parse_error" in transcript[0],
        "text_part": items[0] == {"type": "text", "text": "hello"},
        "arguments": calls[0]["arguments"]["path"] == "a.md",
        "params": calls[0]["params"]["files"] == ["a.md"],
        "alias": [c["name"] for c in calls] == ["read", "read_file", "exec"],
        "path": workspace_path == "/root/.openclaw/workspace",
    }
`;
    const lines = [
      '{broken',
      JSON.stringify({ type: 'message', message: { role: 'user', content: 'hello' } }),
      JSON.stringify({
        type: 'message',
        message: {
          role: 'assistant',
          content: [
            { type: 'toolCall', id: '1', name: 'read', arguments: { path: 'a.md' } },
            { type: 'toolCall', id: '2', name: 'exec', arguments: { command: 'ls' } },
          ],
        },
      }),
    ];
    const text = await grader(source, { transcript: lines.join('\n') });
    expect(text.checks.filter((check) => check.value !== 1)).toEqual([]);
    expect(text).toMatchObject({ status: 'ok', flat: 1 });
  });

  it.each<[string, string, string]>([
    ['crashes without grade()', 'x = 1', 'crash'],
    ['crashes on another type', body('[1]'), 'crash'],
    ['crashes on an exception', body('1 / 0'), 'crash'],
    ['refuses NaN', body('{"a": float("nan")}'), 'invalid'],
    ['refuses no numbers', body('{"a": "x"}'), 'invalid'],
  ])('%s', async (_name, source, status) => {
    expect(await grader(source)).toMatchObject({ status });
  });
});

describe('a harbor verifier', () => {
  const harbor = (script: string, more: Partial<GradeCase> = {}) =>
    run({ dialect: 'harbor', verifier: { 'test.sh': script, 'data.txt': '1' }, ...more });
  const out = '/logs/verifier';

  it.each<[string, string, object]>([
    ['reads reward.txt', `cat /tests/data.txt > ${out}/reward.txt`, { status: 'ok', flat: 1 }],
    [
      'prefers reward.json',
      `echo 0 > ${out}/reward.txt; echo '{"a": 1, "b": 0}' > ${out}/reward.json`,
      { status: 'ok', flat: 0.5 },
    ],
    [
      'runs in the workspace',
      `[ "$PWD" = /root/.openclaw/workspace ] && echo 1 > ${out}/reward.txt`,
      { status: 'ok', flat: 1 },
    ],
    ['crashes without a file, never 0', 'echo 1; exit 1', { status: 'crash' }],
    ['crashes on an empty file', `: > ${out}/reward.txt`, { status: 'crash' }],
    ['ignores a link', `ln -s /tests/data.txt ${out}/reward.txt`, { status: 'crash' }],
    [
      'ignores an old file',
      `echo 1 > ${out}/reward.txt; touch -d '2020-01-01' ${out}/reward.txt`,
      { status: 'crash' },
    ],
    ['refuses nested values', `echo '{"a": {}}' > ${out}/reward.json`, { status: 'invalid' }],
    ['refuses a word', `echo good > ${out}/reward.txt`, { status: 'invalid' }],
    [
      'takes a file beside a non-zero exit',
      `echo 0 > ${out}/reward.txt; exit 1`,
      { status: 'ok', flat: 0 },
    ],
  ])('%s', async (_name, script, expected) => {
    expect(await harbor(script)).toMatchObject(expected);
  });

  it('must exit 0 where it runs agent code', async () => {
    const script = `echo 1 > ${out}/reward.txt; exit 1`;
    expect(await harbor(script, { agentCode: 'child' })).toMatchObject({ status: 'crash' });
  });
});

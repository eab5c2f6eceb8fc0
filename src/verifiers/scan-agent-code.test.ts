import { describe, expect, it } from 'vitest';
import { scanAgentCode } from './scan-agent-code.ts';

const scan = (files: Record<string, string>) =>
  scanAgentCode(
    Object.entries(files).map(([path, text]) => ({ path, content: Buffer.from(text) })),
  );
const python = (source: string) => scan({ 'check.py': source });

describe('a Python verifier is harmless', () => {
  it.each([
    [
      'parsing',
      'import ast, re, json, yaml\nast.literal_eval(x); ast.parse(x); re.compile(x); json.loads(x)',
    ],
    ['safe YAML', 'import yaml\nyaml.safe_load(f)\nyaml.load(f, Loader=yaml.SafeLoader)'],
    [
      'text in strings',
      'bad = ["os.system(", "subprocess.run", "exec(", \'eval(x)\']\n"""\nimport runpy\nexec(x)\n"""',
    ],
    ['text in comments', 'x = 1  # exec(code); import runpy\n# subprocess.run(y)'],
    ['an import that is not used', 'import subprocess\nimport importlib.util'],
    [
      'methods of the same names',
      'cursor.execute(x); frame.eval(x); rule.exec(x); self.compile(x)',
    ],
    ['functions of the same names', 'def exec_rule(x): pass\ndef eval_all(): pass\nmy_exec(1)'],
    ['a syntax check', 'compile(src, "x.py", "exec")'],
    [
      'an optional library',
      'import importlib\nyaml = importlib.import_module("yaml")\n__import__("json")',
    ],
    [
      'its own folder on the path',
      'import sys, os\nsys.path.insert(0, os.path.dirname(__file__))\nimport helper',
    ],
    ['looking at the path', 'import sys\nif str(ws) in sys.path: pass\nprint(sys.path[0] == 1)'],
    [
      'plain os calls',
      'import os\nos.path.join(a, b); os.listdir(a); os.environ.get("x"); os.stat(a)',
    ],
    ['a literal brace in an f-string', 'f"{{exec(x)}} {value!r:>10}"'],
    ['f-strings with quotes inside', 'f\'{d["a"]} # not a comment {x:{width}}\'\ny = 1'],
  ])('with %s', (_name, source) => {
    expect(python(source)).toEqual({ class: 'none', evidence: [] });
  });
});

describe('a Python verifier runs programs', () => {
  it.each([
    ['import subprocess\nsubprocess.run(["ls"])', 'subprocess.run', 2],
    ['import subprocess as sp\nsp.check_output(x)', 'subprocess.check_output', 2],
    ['from subprocess import Popen as P\nP(x)', 'subprocess.Popen', 2],
    ['from subprocess import (\n  run,\n  PIPE,\n)\nrun(x)', 'subprocess.run', 5],
    ['from subprocess import *', 'subprocess.*', 1],
    ['import subprocess\nstart = subprocess.run', 'subprocess.run', 2],
    ['import os\nos.system(x)', 'os.system', 2],
    ['import os\nos.popen(x)', 'os.popen', 2],
    ['import os\nos.execvp(x, y)', 'os.execvp', 2],
    ['import os; os.posix_spawn(x)', 'os.posix_spawn', 1],
    ['import pty\npty.spawn(x)', 'pty.spawn', 2],
    [
      'import asyncio\nawait asyncio.create_subprocess_exec(x)',
      'asyncio.create_subprocess_exec',
      2,
    ],
    ['import os\ngetattr(os, name)(x)', 'getattr(os, ...)', 2],
    ['import os\nprint(f"{os.system(x)}")', 'os.system', 2],
    [
      'def f():\n    try:\n        import os\n        os.system(x)\n    except Exception: pass',
      'os.system',
      4,
    ],
  ])('%j', (source, what, line) => {
    expect(python(source)).toEqual({
      class: 'child',
      evidence: [{ file: 'check.py', line, what }],
    });
  });
});

describe('a Python verifier loads agent code', () => {
  it.each([
    ['exec(open(p).read())', 'exec'],
    ['ns = {}\nexec(compile(text, p, "exec"), ns)', 'exec'],
    ['eval(text)', 'eval'],
    ['import builtins\nbuiltins.exec(x)', 'builtins.exec'],
    ['import runpy\nrunpy.run_path(str(p))', 'runpy.run_path'],
    ['from runpy import run_path\nrun_path(p)', 'runpy.run_path'],
    [
      'import importlib.util\nspec = importlib.util.spec_from_file_location("m", p)',
      'importlib.util.spec_from_file_location',
    ],
    ['from importlib import util as u\nu.module_from_spec(s)', 'importlib.util.module_from_spec'],
    [
      'from importlib.machinery import SourceFileLoader\nSourceFileLoader("m", p)',
      'importlib.machinery.SourceFileLoader',
    ],
    ['import importlib\nimportlib.import_module(name)', 'importlib.import_module'],
    ['__import__(name)', '__import__'],
    ['import sys\nsys.path.insert(0, str(workspace))', 'sys.path'],
    ['import sys\nsys.path = [ws] + sys.path', 'sys.path'],
    ['import sys\nsys.path += [ws]', 'sys.path'],
    ['from sys import path\npath.append(ws)', 'sys.path'],
    ['import imp\nimp.load_source("m", p)', 'imp.load_source'],
    ['import pickle\npickle.load(f)', 'pickle.load'],
    ['from pickle import loads\nloads(b)', 'pickle.loads'],
    ['import marshal\nmarshal.loads(b)', 'marshal.loads'],
    ['import shelve\nshelve.open(p)', 'shelve.open'],
    ['import yaml\nyaml.load(f)', 'yaml.load'],
    ['import yaml\nyaml.load(f, Loader=yaml.UnsafeLoader)', 'yaml.load'],
    ['import yaml\nyaml.unsafe_load(f)', 'yaml.unsafe_load'],
    ['import types\ntypes.FunctionType(code, {})', 'types.FunctionType'],
    ['import ctypes\nctypes.CDLL(p)', 'ctypes.CDLL'],
    ['import builtins\ngetattr(builtins, "ex" + "ec")(x)', 'getattr(builtins, ...)'],
  ])('%j', (source, what) => {
    const result = python(source);
    expect(result.class).toBe('in-process');
    expect(result.evidence.map((hit) => hit.what)).toContain(what);
  });

  it('counts a fixed module name once the search path was changed', () => {
    const source =
      'import sys, importlib\nsys.path.insert(0, ws)\nimportlib.import_module("app.core")';
    expect(python(source).evidence.map((hit) => [hit.line, hit.what])).toEqual([
      [2, 'sys.path'],
      [3, 'importlib.import_module'],
    ]);
  });

  it('is the worse class where both are there, in any of its files', () => {
    const result = scan({
      'check.py': 'import subprocess\nsubprocess.run(x)',
      'lib/helper.py': 'exec(x)',
      'data.json': '"exec(x)"',
    });
    expect(result.class).toBe('in-process');
    expect(result.evidence.map((hit) => hit.file)).toEqual(['check.py', 'lib/helper.py']);
  });
});

describe('broken source', () => {
  it.each([
    '"""',
    "x = 'abc",
    'f"{',
    '((((',
    'import',
    'from . import',
    'sys.path',
    '\\',
    'def',
    '\u0000',
  ])('%j is scanned without an error', (source) => {
    expect(python(source).class).toBe('none');
  });
});

describe('a shell verifier', () => {
  const shell = (script: string, more: Record<string, string> = {}) =>
    scan({ 'test.sh': script, ...more });
  const CLAWGYM =
    "#!/usr/bin/env bash\nset -euo pipefail\n\npython3 /root/.openclaw/workspace/reward/check.py /root/.openclaw/workspace | python3 -c 'import json, sys; print(sum(json.loads(sys.stdin.read()).values()))'\n";

  it.each([
    ['the ClawGym wrapper', CLAWGYM, { 'check.py': 'print(1)' }],
    [
      'plain tools',
      'if grep -q "python3 run.py" /app/out.txt; then echo 1 > /logs/verifier/reward.txt; else echo 0 > /logs/verifier/reward.txt; fi',
      {},
    ],
    [
      'its own Python file',
      'cd /app\npython3 /tests/check.py "$PWD" > /tmp/log 2>&1 || true',
      { 'check.py': 'print(1)' },
    ],
    ['its own shell file', '# bash ./run.sh\nsource /tests/lib.sh', { 'lib.sh': 'echo 1' }],
    [
      'an inline program',
      "python3 - <<'EOF'\nimport json\nprint(json.load(open('/app/a.json')))\nEOF\n",
      {},
    ],
    [
      'substitutions of plain tools',
      'N=$(wc -l < /app/out.txt)\nif [ "$N" -eq 3 ] && [ -f "/app/a b" ]; then echo 1; fi',
      {},
    ],
  ])('is harmless with %s', (_name, script, more) => {
    expect(shell(script, more)).toEqual({ class: 'none', evidence: [] });
  });

  it.each([
    ['./run.sh'],
    ['bash /app/run.sh'],
    ['python3 /app/main.py --once'],
    ['cd /app && make test'],
    ['pytest /tests/test_outputs.py -rA'],
    ['uvx -p 3.13 pytest /tests/test_outputs.py'],
    ['python -m pytest'],
    ['OUT=$(python3 /app/main.py)'],
    ['echo "result: $(./tool)" > /tmp/x'],
    ['env A=1 timeout 10 node server.js &'],
    ['find . -name "*.sh" -exec {} \\;'],
    ['bash -c "cd /app; ./run"'],
    ['if ./check; then echo 1; fi'],
    ['$CMD --help'],
    ['. ./env.sh'],
    ['cat list | xargs -n1 sh'],
    ["awk '{system($0)}' f"],
    ['python3 < /app/x.py'],
  ])('runs agent code by %j', (script) => {
    expect(shell(`set -e\n${script}\n`)).toMatchObject({ class: 'child', evidence: [{ line: 2 }] });
  });

  it.each([
    ['python3 -c "import json"'],
    ['python3 -B -c "import json"'],
    ['cat out.json | python3 -m json.tool'],
    ["python3 - <<'EOF'\nimport json\nEOF"],
    ['bash -c "python3 -c \'import json\'"'],
  ])('loads what lies in the workspace, where it starts there, by %j', (script) => {
    const files = [{ path: 'test.sh', content: Buffer.from(`set -e\n${script}\n`) }];
    expect(scanAgentCode(files, 'harbor')).toMatchObject({
      class: 'in-process',
      evidence: [{ line: 2 }],
    });
    expect(scanAgentCode(files, 'reward-sh').class).toBe('none');
  });

  it.each([
    ['python3 -I -c "import json"'],
    ['python3 -P -m json.tool out.json'],
    ["python3 -Ic 'import json'"],
    ["python3 -I - <<'EOF'\nimport json\nEOF"],
    ['python3 /tests/check.py'],
  ])('does not by %j', (script) => {
    const files = [
      { path: 'test.sh', content: Buffer.from(script) },
      { path: 'check.py', content: Buffer.from('print(1)') },
    ];
    expect(scanAgentCode(files, 'harbor').class).toBe('none');
  });

  it('is as dangerous as its own files', () => {
    const files = { 'check.py': 'import sys\nsys.path.insert(0, "/app")\nimport app' };
    expect(shell('python3 /tests/check.py', files).class).toBe('in-process');
    expect(shell("python3 - <<'EOF'\nexec(open('/app/x').read())\nEOF").evidence).toEqual([
      { file: 'test.sh', line: 2, what: 'exec' },
    ]);
  });
});

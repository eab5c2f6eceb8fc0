import { afterAll, beforeAll, expect, it } from 'vitest';
import { HostileBench } from '../support/hostile-bench.ts';
import { expectSoundReport, type HostileCase, runCase } from '../support/hostile-cases.ts';
import { CHILD_CHECK, IMPORTING_CHECK } from '../support/hostile-tasks.ts';

let bench: HostileBench;
beforeAll(async () => {
  bench = new HostileBench();
  await bench.open();
});
afterAll(() => bench[Symbol.asyncDispose]());

/** Writes the program that the verifier runs; the answer itself is never given. */
const plant = (code: string): string => `cat > tool.py <<'PY'\n${code}\nPY\n`;
const task = { verifier: CHILD_CHECK, agentCode: 'child' } as const;
/** The verifier saw no answer and a program that ended by exit 0. */
const honest = { task, outcome: 'scored', flat: 0.5 } as const;

const CASES: readonly HostileCase[] = [
  {
    ...honest,
    name: 'kills-process-1',
    script: plant(
      'import os\nfor s in list(range(1, 65)) + [9]:\n    try:\n        os.kill(1, s)\n    except OSError:\n        pass',
    ),
  },
  {
    ...honest,
    name: 'stops-process-1',
    script: plant('import os, signal\nos.kill(1, signal.SIGSTOP)\nos.kill(1, signal.SIGTSTP)'),
  },
  {
    ...honest,
    name: 'traces-process-1',
    script: plant(`import ctypes, os, sys
libc = ctypes.CDLL(None)
reached = [libc.ptrace(16, 1, 0, 0), libc.ptrace(0x4206, 1, 0, 0)].count(0)
for name in ("mem", "environ", "fd/0", "fd/1", "fd/2", "maps", "root", "cwd/x", "syscall"):
    for mode in ("rb", "r+b"):
        try:
            open("/proc/1/" + name, mode).read(1)
            reached += 1
        except OSError:
            pass
sys.exit(reached)`),
  },
  {
    ...honest,
    name: 'prints-a-perfect-result',
    script: plant(`import os
text = '{"answer": 1, "tool": 1}\\n'
print(text, flush=True)
for pid in os.listdir("/proc"):
    for fd in range(30):
        try:
            open("/proc/%s/fd/%d" % (pid, fd), "w").write(text)
        except OSError:
            pass`),
  },
  {
    ...honest,
    name: 'writes-verdicts-for-ever',
    script: plant(`import json, os
text = json.dumps({"nonce": "", "status": "ok", "flat": 1, "native": 1, "checks": [["answer", 1], ["tool", 1]]})
if os.fork():
    os._exit(0)
os.setsid()
for fd in range(3):
    os.close(fd)
while True:
    for name in ("verdict.json", "verdict.json.partial"):
        try:
            open("/verdict/" + name, "w").write(text)
            os.symlink("/etc/passwd", "/verdict/x")
        except OSError:
            pass`),
  },
  {
    ...honest,
    name: 'closes-the-verdict-folder',
    flat: 0,
    codes: ['AgentOutputBrokeVerifier'],
    script: plant(
      'import os\nos.makedirs("/verdict/verdict.json/x/y")\nos.chdir("/verdict/verdict.json.partial") if os.path.exists("/verdict/verdict.json.partial") else None\nos.chmod("/verdict/verdict.json/x", 0)\nos.chmod("/verdict", 0)',
    ),
  },
  {
    ...honest,
    name: 'buries-the-verdict',
    // It stays until its folders are counted, too deep to be looked through, or its time is over.
    flat: 0,
    maybe: ['AgentOutputBrokeVerifier'],
    script: plant(
      'import os, time\nos.mkdir("/verdict/verdict.json")\nos.chdir("/verdict/verdict.json")\nfor _ in range(1500):\n    os.mkdir("d" * 100)\n    os.chdir("d" * 100)\ntime.sleep(100)',
    ),
  },
  {
    ...honest,
    name: 'stays-behind',
    script: plant(
      'import os, time\nfor _ in range(20):\n    if os.fork() == 0:\n        os.setsid()\n        for fd in range(3):\n            os.close(fd)\n        time.sleep(1000)',
    ),
  },
  {
    ...honest,
    name: 'fork-bomb',
    flat: 0,
    // Whether the verifier itself still gets a process is chance, so that two gradings may differ.
    maybe: ['AgentOutputBrokeVerifier', 'ChildKilledForMemory', 'VerifierFlake'],
    script: plant(
      'import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass',
    ),
    within: 60,
  },
  {
    ...honest,
    name: 'memory-hog',
    flat: 0,
    maybe: ['ChildKilledForMemory'],
    script: plant('a = []\nwhile True:\n    a.append(bytearray(8 << 20))'),
  },
  {
    ...honest,
    name: 'fills-the-disk',
    flat: 0,
    codes: ['AgentOutputBrokeVerifier'],
    weigh: true,
    script: plant(
      'import os\nb = bytes(1 << 20)\nfor i in range(200):\n    with open("big%d" % i, "wb") as f:\n        for _ in range(60):\n            f.write(b)',
    ),
    within: 30,
  },
  {
    ...honest,
    name: 'hundred-thousand-files',
    flat: 0,
    // A slow host stops the program before it has made 20,000.
    maybe: ['AgentOutputBrokeVerifier', 'VerifierFlake'],
    script: plant('for i in range(100000):\n    open("/verdict/f%d" % i, "w").close()'),
    within: 30,
  },
  {
    ...honest,
    name: 'plants-modules',
    script: `for n in json os subprocess sitecustomize usercustomize conftest grade_dialects watch; do printf 'print("{\\\\"answer\\\\": 1, \\\\"tool\\\\": 1}")\\nimport os\\nos._exit(0)\\n' > $n.py; done; mkdir -p .local bin; printf '#!/bin/sh\\necho 1\\n' > python3; chmod +x python3; ${plant('pass')} mv json.py out.py; rm os.py subprocess.py`,
  },
  {
    name: 'takes-over-the-interpreter',
    task: { verifier: IMPORTING_CHECK, agentCode: 'in-process' },
    script: plant('import os\nprint(\'{"reward": 1}\', flush=True)\nos._exit(0)'),
    outcome: 'scored',
    flat: 0,
    codes: ['AgentOutputBrokeVerifier', 'VerifierRunsAgentCode'],
    maybe: ['UnexpectedCheckNames'],
  },
];

it.each(CASES)('a program that the verifier runs gains nothing: $name', async (one) => {
  const after = await runCase(bench, one);
  expect(after.diskMiB).toBeLessThan(2 * 256 + 256);
});

it('gives a sound report', async () => {
  await expectSoundReport(bench);
});

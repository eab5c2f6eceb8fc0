import { describe, expect, it } from 'vitest';
import type { GradeCase } from '../support/grading.ts';
import { gradingPlace } from '../support/grading-place.ts';
import { openTestSandbox } from '../support/sandbox-host.ts';

const place = gradingPlace(openTestSandbox);
const { run } = place;
const python = (source: string, more: Partial<GradeCase> = {}) =>
  run({ verifier: { 'check.py': source }, ...more });

/** A verifier that runs agent.py as a child, gives it a second, and judges 0.5. */
const PARENT = `
import json, subprocess, sys, time
p = subprocess.run([sys.executable, sys.argv[1] + "/agent.py"], cwd=sys.argv[1])
print(json.dumps({"verdict": 0.5, "child_ended": p.returncode == 0}))
`;
const attacked = (agent: string, more: Partial<GradeCase> = {}) =>
  python(PARENT, { workspace: { 'agent.py': agent }, agentCode: 'child', ...more });

/** What it prints of a program that ends by exit 0, whatever else that does. */
const JUDGED = [
  { name: 'verdict', value: 0.5 },
  { name: 'child_ended', value: 1 },
];

describe('a verifier that runs what the agent wrote', () => {
  it.each([
    [
      'kills process 1',
      'import os\nfor s in range(1, 65):\n try: os.kill(1, s)\n except OSError: pass',
    ],
    [
      'kills everything',
      'import os, signal\nsignal.signal(15, signal.SIG_IGN)\ntry: os.kill(-1, 15)\nexcept OSError: pass',
    ],
    [
      'takes its limits and its turn from process 1',
      'import os, resource\nfor t in map(int, os.listdir("/proc/1/task")):\n for change in (lambda: resource.prlimit(t, resource.RLIMIT_CPU, (0, 0)), lambda: resource.prlimit(t, resource.RLIMIT_NOFILE, (0, 0)), lambda: os.sched_setscheduler(t, os.SCHED_IDLE, os.sched_param(0))):\n  try: change()\n  except PermissionError: pass',
    ],
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
      checks: JUDGED,
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

  it('outlives programs that together use up the memory of the sandbox, and says so', async () => {
    const agent =
      'import os, time\nfor _ in range(12):\n if os.fork() == 0:\n  a = bytearray(120 << 20)\n  time.sleep(20)\n  os._exit(0)\ntime.sleep(1)';
    const result = await attacked(agent, { limits: { memoryMiB: 384 }, timeoutSeconds: 15 });
    // The kernel takes the largest: neither the verifier nor the program that forked them.
    expect(result).toMatchObject({ status: 'ok', checks: JUDGED, flat: 0.75, native: 0.75 });
    expect(result.findings.map(({ code }) => code)).toEqual(['ChildKilledForMemory']);
  });

  it('ends a fork bomb at its deadline, without a score', async () => {
    const agent = `print('{"verdict": 1.0}', flush=True)\nimport os\nwhile True:\n try: os.fork()\n except OSError: pass`;
    const result = await attacked(agent, { timeoutSeconds: 3, limits: { pids: 64 } });
    expect(result).toMatchObject({ status: 'timeout', checks: [], flat: null, native: null });
    expect(result.seconds).toBeLessThan(15);
  });

  it('runs under the filter of system calls, and so does what it starts', async () => {
    const status = 'open("/proc/self/status").read().split("Seccomp:")[1].split()[0]';
    const source = `
import json, subprocess, sys
child = subprocess.run([sys.executable, "-c", 'print(' + ${JSON.stringify(status)} + ')'], capture_output=True, text=True)
print(json.dumps({"own": int(${status}), "child": int(child.stdout)}))
`;
    // Mode 2 is a filter, 0 is none.
    expect((await python(source)).checks).toEqual([
      { name: 'own', value: 2 },
      { name: 'child', value: 2 },
    ]);
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

import { afterAll, beforeAll, describe, it } from 'vitest';
import { FORGED_STOP } from '../support/forged-stop.ts';
import { HostileBench } from '../support/hostile-bench.ts';
import { expectSoundReport, type HostileCase, runCase, SOLVE } from '../support/hostile-cases.ts';

let bench: HostileBench;
beforeAll(async () => {
  bench = new HostileBench();
  await bench.open();
});
afterAll(() => bench[Symbol.asyncDispose]());

const python = (code: string): string => `exec python3 - <<'PY'\n${code}\nPY\n`;

const PROCESSES: readonly HostileCase[] = [
  {
    name: 'fork-bomb',
    script: `${SOLVE}${python('import os\nme = os.getpid()\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        if os.getpid() == me:\n            os._exit(0)')}`,
    outcome: 'scored',
    flat: 1,
    codes: ['PidsLimit'],
  },
  {
    name: 'fork-bomb-that-stays',
    script: `${SOLVE}${python('import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass')}`,
    task: { agentSeconds: 2 },
    outcome: 'agent_timeout',
    flat: 1,
    codes: ['PidsLimit'],
  },
  {
    name: 'left-behind',
    // The writers begin when the agent is gone: one that lived on would spoil the note.
    script: `${SOLVE} for i in 1 2 3; do (setsid bash -c 'trap "" TERM INT HUP; echo $$ > pid-'$i'; sleep 1; while :; do date >> out/note.txt; sleep 0.01; done' left-behind &); done; until [ -s pid-1 ] && [ -s pid-2 ] && [ -s pid-3 ]; do sleep 0.01; done; exit 0`,
    outcome: 'scored',
    flat: 1,
  },
  {
    name: 'writes-to-the-end',
    // Each of them writes what it must not before the agent ends, and for as long as it lives.
    script: `${SOLVE} for i in 1 2 3; do (setsid bash -c 'trap "" TERM INT HUP; while :; do date >> out/note.txt; echo > pid-'$i'; sleep 0.01; done' writes-to-the-end &); done; until [ -s pid-1 ] && [ -s pid-2 ] && [ -s pid-3 ]; do sleep 0.01; done; exit 0`,
    outcome: 'scored',
    flat: 0.5,
  },
  {
    name: 'daemon-without-output',
    script: `${SOLVE}${python('import os, time\nif os.fork(): os._exit(0)\nos.setsid()\nif os.fork(): os._exit(0)\nfor fd in range(256):\n    try:\n        os.close(fd)\n    except OSError:\n        pass\ntime.sleep(1000)')}`,
    outcome: 'scored',
    flat: 1,
    within: 10,
  },
  {
    name: 'closes-its-output-and-goes-on',
    script: `exec >&- 2>&-; sleep 0.5; ${SOLVE}`,
    outcome: 'scored',
    flat: 1,
  },
  {
    name: 'deaf-until-its-deadline',
    script: `mkdir out; echo 42 > out/answer.txt; trap "" TERM INT HUP; while :; do sleep 1; done`,
    task: { agentSeconds: 2 },
    outcome: 'agent_timeout',
    flat: 0.5,
    within: 10,
  },
  {
    name: 'stops-itself',
    script: `${SOLVE} kill -STOP $$`,
    task: { agentSeconds: 2 },
    outcome: 'agent_timeout',
    flat: 1,
    within: 10,
  },
  {
    name: 'attacks-process-1',
    script: `${SOLVE} for s in $(seq 64); do kill -$s 1; done 2>/dev/null; kill -9 -1; kill -9 $$`,
    outcome: 'agent_error',
    flat: 1,
  },
  {
    name: 'claims-to-be-stopped',
    // A SIGTERM that says it came from outside: a stopped run is missing data, never a 0.
    script: python(`${FORGED_STOP}\nimport time\ntime.sleep(0.5)`),
    outcome: 'scored',
    flat: 0,
    prints: '0\n-1\n',
  },
  {
    name: 'leaves-its-network',
    script: `${SOLVE}${python(`import socket
def opened(family, kind):
    try:
        return bool(socket.socket(family, kind))
    except OSError as error:
        return error.errno
print([opened(family, kind) for family in range(48) for kind in (1, 2) if family not in (1, 2, 10, 16)] == [97] * 88)
print([opened(family, 2) for family in (1, 2, 10, 16)])`)}`,
    outcome: 'scored',
    flat: 1,
    prints: 'True\n[True, True, True, True]\n',
  },
  {
    name: 'limits-its-wrapper',
    // No CPU time and no descriptors for process 1 and its threads: a dead wrapper is missing data, and a
    // starved one sees too late what fills the disk.
    script: `${SOLVE}${python(`import os, resource
def refused(change, *arguments):
    try:
        change(*arguments)
    except PermissionError:
        return True
threads = sorted(map(int, os.listdir("/proc/1/task")))
print(len(threads) > 1, all(
    refused(resource.prlimit, thread, resource.RLIMIT_CPU, (0, 0))
    and refused(resource.prlimit, thread, resource.RLIMIT_NOFILE, (0, 0))
    and refused(os.sched_setscheduler, thread, os.SCHED_IDLE, os.sched_param(0))
    and refused(os.sched_setaffinity, thread, {0})
    and refused(os.setpriority, os.PRIO_PROCESS, thread, 19)
    for thread in threads
), refused(os.setpriority, os.PRIO_USER, 0, 19))
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
resource.prlimit(os.getpid(), resource.RLIMIT_CPU, (60, 60))
os.setpriority(os.PRIO_PROCESS, 0, 10)`)}`,
    outcome: 'scored',
    flat: 1,
    prints: 'True True True\n',
  },
  {
    name: 'signals-everything',
    script: `${SOLVE}${python('import os, signal\nfor s in range(1, 65):\n    try:\n        os.kill(1, s)\n    except OSError:\n        pass\nfor p in ("mem", "fd/0", "fd/3", "environ", "cwd/x", "root/x", "oom_score_adj"):\n    try:\n        open("/proc/1/" + p, "wb")\n        print("opened", p)\n    except OSError:\n        pass\nimport ctypes\nprint(ctypes.CDLL(None).ptrace(16, 1, 0, 0))')}`,
    outcome: 'scored',
    flat: 1,
  },
];

const MEMORY: readonly HostileCase[] = [
  {
    name: 'memory-hog',
    script: `${SOLVE}${python('a = []\nwhile True:\n    a.append(bytearray(8 << 20))')}`,
    outcome: 'agent_error',
    flat: 1,
    codes: [],
    maybe: ['MemoryLimit', 'ChildKilledForMemory'],
  },
  {
    name: 'memory-hog-child',
    script: `${SOLVE} python3 -c 'x = bytearray(1 << 30)'; exit 0`,
    outcome: ['scored', 'agent_error'],
    flat: 1,
    maybe: ['MemoryLimit', 'ChildKilledForMemory'],
  },
  {
    name: 'shared-memory',
    script: `${SOLVE} for d in /dev/shm /tmp; do for i in $(seq 100); do head -c 60M /dev/zero > $d/$i; done; done; exit 0`,
    outcome: ['scored', 'agent_error'],
    flat: 1,
    maybe: ['MemoryLimit', 'ChildKilledForMemory', 'WorkspaceLimit'],
  },
  {
    name: 'memory-that-no-kill-frees',
    script: `${SOLVE} while :; do for i in 1 2 3 4; do head -c 60M /dev/zero > /dev/shm/$i; head -c 60M /dev/zero > /tmp/$i; done; done`,
    limits: { memoryMiB: 300 },
    outcome: 'agent_error',
    flat: 1,
    maybe: ['MemoryLimit', 'WorkspaceLimit', 'ChildKilledForMemory'],
  },
];

const OUTPUT: readonly HostileCase[] = [
  {
    name: 'log-of-2-gb',
    script: `${SOLVE} yes 0123456789abcdef | head -c 2000000000`,
    outcome: 'scored',
    flat: 1,
    codes: ['OutputTruncated'],
  },
  {
    name: 'error-log-of-2-gb',
    script: `${SOLVE} yes 0123456789abcdef | head -c 2000000000 >&2; printf '\\033[2J\\033]0;owned\\007' >&2`,
    outcome: 'scored',
    flat: 1,
    codes: ['OutputTruncated'],
  },
];

describe.each([
  ['processes', PROCESSES],
  ['memory', MEMORY],
  ['output', OUTPUT],
])('an agent that is hostile with %s', (_kind, cases) => {
  it.each(cases)('$name', async (one) => {
    await runCase(bench, one);
  });
});

it('gives a sound report', async () => {
  await expectSoundReport(bench);
});

import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { INIT_DIR, LINK_DIR, REPORT_DIR } from '../../src/phases/agent-spec.ts';
import { type Aftermath, HostileBench } from '../support/hostile-bench.ts';
import { expectSoundReport, type HostileCase, runCase, SOLVE } from '../support/hostile-cases.ts';

let bench: HostileBench;
beforeAll(async () => {
  bench = new HostileBench();
  await bench.open();
});
afterAll(() => bench[Symbol.asyncDispose]());

const python = (code: string): string => `exec python3 - <<'PY'\n${code}\nPY\n`;

/** The wrapper ends the agent near its limit: what it had by then fits into a snapshot, or not. */
const byRefusal = ({ codes }: Aftermath): number => (codes.includes('SnapshotRefused') ? 0 : 1);

const DISK: readonly HostileCase[] = [
  {
    name: 'one-file-of-10-gb',
    script: `${SOLVE} head -c 10G /dev/zero > big; exit 0`,
    weigh: true,
    outcome: 'agent_error',
    flat: byRefusal,
    maybe: ['SnapshotRefused', 'WorkspaceLimit'],
  },
  {
    name: 'many-files-of-10-gb',
    script: `${SOLVE} for p in $(seq 40); do (for i in 1 2 3 4; do head -c 60M /dev/zero > $p-$i; done) & done; wait`,
    weigh: true,
    outcome: 'agent_error',
    flat: byRefusal,
    codes: ['WorkspaceLimit'],
    maybe: ['SnapshotRefused'],
  },
  {
    name: 'reserved-space',
    script: `${SOLVE}${python(`import ctypes, fcntl, os, struct
libc = ctypes.CDLL(None, use_errno=True)
fd = os.open("reserved", os.O_WRONLY | os.O_CREAT)
print(libc.fallocate(fd, 0, ctypes.c_long(0), ctypes.c_long(50 << 20)), ctypes.get_errno())
for command in (0x40305828, 0x4030582A, 0x40305839):
    try:
        print(fcntl.ioctl(fd, command, struct.pack("hhqqiI4i", 0, 0, 0, 50 << 20, 0, 0, 0, 0, 0, 0)))
    except OSError as error:
        print(-1, error.errno)
print(libc.syscall(425, 1, 0), ctypes.get_errno())
print(os.fstat(fd).st_blocks)
print([line.split()[1] for line in open("/proc/self/status") if line.startswith("Seccomp:")])`)}`,
    outcome: 'scored',
    flat: 1,
    // EOPNOTSUPP, three times ENOTTY, ENOSYS: as on a system that has none of these calls.
    prints: "-1 95\n-1 25\n-1 25\n-1 25\n-1 38\n0\n['2']\n",
  },
  {
    name: 'keys-of-the-kernel',
    // The session keyring is that of whoever started the engine, and of the next sandbox.
    script: `${SOLVE}${python(`import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
ADD, REQUEST, CONTROL = {"x86_64": (248, 249, 250), "aarch64": (217, 218, 219)}[os.uname().machine]
SESSION = -3
def call(*arguments):
    print(libc.syscall(*arguments), ctypes.get_errno())
call(ADD, b"user", b"clawgym-note", b"for the next", 12, SESSION)
call(REQUEST, b"user", b"clawgym-note", 0, SESSION)
call(CONTROL, 10, SESSION, b"user", b"clawgym-note", 0)`)}`,
    outcome: 'scored',
    flat: 1,
    prints: '-1 38\n-1 38\n-1 38\n',
  },
  {
    name: 'sparse-file-of-1-tb',
    script: `${SOLVE} truncate -s 1T sparse; python3 -c 'open("s", "wb").seek(1 << 40)'; truncate -s 60M a b; exit 0`,
    outcome: 'agent_error',
    flat: 0,
    codes: ['SnapshotRefused'],
    maybe: ['WorkspaceLimit'],
  },
  {
    name: 'hundred-thousand-files',
    script: `${SOLVE}${python('for i in range(100000):\n    open("f%d" % i, "w").close()')}`,
    outcome: 'agent_error',
    flat: byRefusal,
    codes: ['WorkspaceLimit'],
    maybe: ['SnapshotRefused'],
    within: 30,
  },
  {
    name: 'nameless-files',
    script: `${SOLVE}${python('import os, time\nfor i in range(100):\n    fd = os.open("gone", os.O_WRONLY | os.O_CREAT)\n    os.unlink("gone")\n    for _ in range(60):\n        os.write(fd, bytes(1 << 20))')}`,
    outcome: 'agent_error',
    flat: 1,
    codes: ['WorkspaceLimit'],
  },
  {
    name: 'deep-folders',
    script: `${SOLVE}${python('import os\nfor _ in range(3000):\n    os.mkdir("d" * 100)\n    os.chdir("d" * 100)')}`,
    outcome: 'agent_error',
    flat: 0,
    codes: ['SnapshotRefused'],
    maybe: ['WorkspaceLimit'],
  },
  {
    name: 'wide-and-deep-closed-folders',
    script: `${SOLVE}${python('import os\nfor i in range(40):\n    os.makedirs("c%d/" % i + "/".join("x" * 3))\n    os.chmod("c%d/x" % i, 0)\n    os.chmod("c%d" % i, 0)')}`,
    outcome: 'scored',
    flat: 1,
  },
];

const LINKS: readonly HostileCase[] = [
  {
    name: 'link-to-passwd',
    script: `mkdir out; ln -s /etc/passwd out/answer.txt; ln -s ../../../../../../etc/passwd out/note.txt; ln -s / root`,
    outcome: 'scored',
    flat: 0,
    codes: ['EntrySkipped'],
  },
  {
    name: 'link-to-the-verifier',
    script: `mkdir out; ln -s /verifier/check.py out/answer.txt; ln -s /verdict/verdict.json out/note.txt; ln -s /program program; ln -s /proc/1/fd/1 fd`,
    outcome: 'scored',
    flat: 0,
    codes: ['EntrySkipped'],
  },
  {
    name: 'links-around-a-true-file',
    script: `${SOLVE} mv out real; ln -s real out; ln -s loop loop`,
    outcome: 'scored',
    flat: 0,
    codes: ['EntrySkipped'],
  },
  {
    name: 'hard-links-and-devices',
    script: `${SOLVE} ln /etc/passwd p; ln /usr/bin/python3 q; ln ${INIT_DIR}/__main__.py r; mknod d c 1 3; mknod e b 8 0; ln out/note.txt n; ls ${INIT_DIR}/__main__.py; ls -d p q r d e; exit 0`,
    outcome: 'scored',
    flat: 1,
    // Of the wrapper's file there is no second name; it is there.
    prints: `${INIT_DIR}/__main__.py\n`,
  },
  {
    name: 'fifo-as-output',
    script: `${SOLVE} rm out/answer.txt; mkfifo out/answer.txt`,
    outcome: 'scored',
    flat: 0.5,
    codes: ['EntrySkipped'],
  },
  {
    name: 'socket-left-behind',
    script: `${SOLVE}${python('import os, socket\ns = socket.socket(socket.AF_UNIX)\ns.bind("out/s.sock")\ns.listen()\nt = socket.create_server(("0.0.0.0", 8080))\nif os.fork() == 0:\n    os.setsid()\n    while True:\n        s.accept()')}`,
    outcome: 'scored',
    flat: 1,
    codes: ['EntrySkipped'],
  },
  {
    name: 'folder-as-output',
    script: 'mkdir -p out/answer.txt/42 out/note.txt/done',
    outcome: 'scored',
    flat: 0,
  },
];

const HOSTILE_NAMES = `import os
os.makedirs("out", exist_ok=True)
names = [b"line\\nbreak", b"\\x1b[2J\\x1b]0;owned\\x07", "\\u202egnp.exe".encode(), "\\u2066a\\u2069".encode(), b"bad-\\xff\\xfe",
    b"<img src=x onerror=alert(1)>", b"';drop--\\"&amp;", b"\\xc2\\x85\\xc2\\x9b31m", b"\\xe2\\x80\\xa8", b" ", b"-rf", b"...", "\\ud55c".encode() * 85, b"back\\\\slash"]
for name in names:
    open(b"out/" + name, "w").close()
    os.symlink("/etc/passwd", b"link " + name[:200])
os.makedirs("a<") ; os.symlink("x", "a<" + "/script><img src=x onerror=alert(1)>")
os.symlink("x", "</".replace("/", "_") + "script><img onerror=alert(1)>")`;

const NAMES: readonly HostileCase[] = [
  {
    name: 'hostile-names',
    script: `${SOLVE}${python(HOSTILE_NAMES)}`,
    outcome: 'scored',
    flat: 1,
    codes: ['EntrySkipped'],
  },
  {
    name: 'unreadable-workspace',
    script: `${SOLVE} chattr +i out/note.txt 2>/dev/null; mkdir -p in/side; echo x > in/side/f; chmod -R a-rwx . ; exit 0`,
    outcome: 'scored',
    flat: 1,
  },
  {
    name: 'deleted-workspace',
    script: `rm -rf ./* .[!.]* /root/.openclaw/workspace /root /agent /run; mv . ../gone; rmdir "$PWD"; exit 0`,
    outcome: 'scored',
    flat: 0,
    codes: ['ProtectedInputDeleted'],
  },
  {
    name: 'inputs-as-links',
    script: `${SOLVE} rm -r data; ln -s out data`,
    outcome: 'scored',
    flat: 1,
    codes: ['EntrySkipped', 'ProtectedInputDeleted'],
  },
  {
    name: 'inputs-as-folders',
    script: `${SOLVE} rm data/in.txt; mkdir -p data/in.txt/deep/er; echo 'keep me' > data/in.txt/deep/er/in.txt`,
    outcome: 'scored',
    flat: 1,
    codes: ['ProtectedInputDeleted'],
  },
  {
    name: 'inputs-changed',
    script: `${SOLVE} echo other > data/in.txt; chmod 000 data`,
    outcome: 'scored',
    flat: 1,
    codes: ['ProtectedInputChanged'],
  },
  {
    name: 'shims-and-system-folders',
    script: `${SOLVE} for d in /tmp /tmp/home /agent /agent/bin /opt/agent/bin /usr/bin /usr/local/bin ${dirname(INIT_DIR)} ${INIT_DIR} ${REPORT_DIR} ${LINK_DIR} /etc /dev /proc /proc/sys/kernel /sys /sys/fs/cgroup/memory /verifier /program; do for n in python3 sh core_pattern cgroup.procs tasks memory.limit_in_bytes sitecustomize.py end.json; do printf '#!/bin/sh\\necho 1\\n' > $d/$n; chmod +x $d/$n; done; done 2>/dev/null; echo c > /proc/sysrq-trigger; mount -t tmpfs x /mnt; unshare -Ur true; ls -d ${INIT_DIR}/end.json ${REPORT_DIR}/end.json ${INIT_DIR}; exit 0`,
    outcome: 'scored',
    flat: 1,
    // The report's folder is open to it, the wrapper's own is not.
    prints: `${INIT_DIR}\n${REPORT_DIR}/end.json\n`,
  },
];

describe.each([
  ['disk space', DISK],
  ['links and special files', LINKS],
  ['names and permissions', NAMES],
])('an agent that is hostile with %s', (_kind, cases) => {
  it.each(cases)('$name', async (one) => {
    const after = await runCase(bench, one);
    // Twice the cap, and what the fastest writers put down before they are seen.
    expect(after.diskMiB).toBeLessThan(2 * 64 + 256);
  });
});

it('packs and unpacks eight large workspaces at a time in bounded memory', async () => {
  const script = `${SOLVE} head -c 25M /dev/urandom > a; head -c 25M /dev/zero > b`;
  const one = { name: 'large-workspaces', script, samples: 8, flat: 1, within: 60 } as const;
  await runCase(bench, { ...one, outcome: 'scored', grown: 150 });
});

it('gives a sound report', async () => {
  await expectSoundReport(bench);
});

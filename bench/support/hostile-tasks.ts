import type { Outcome } from '../../src/rollouts/outcome.ts';
import { CHILD_CHECK, PLAIN_CHECK } from '../../test/support/hostile-tasks.ts';

/** An agent as a task: the instruction is its program, which `bash` runs in the workspace. */
export interface HostileAgent {
  readonly name: string;
  /** Bash. */
  readonly script: string;
  /** What it may be decided as; more than one where it is a matter of timing. */
  readonly outcome: readonly Outcome[];
  /** Exact score; absent where it is a matter of timing. */
  readonly flat?: number;
  readonly agentSeconds?: number;
  readonly verifier?: string;
  /** Something from outside of the pod belongs to it, which the local engine does not have. */
  readonly clusterOnly?: true;
}

/** Allocates what the agent asks for, and spins for as long as it asks. */
const GREEDY_CHECK = `
import json, os, sys, time
def number(name):
    try:
        with open(os.path.join(sys.argv[1], "out", name)) as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0
held = []
for _ in range(number("mebibytes")):
    held.append(b"x" * (1 << 20))
until = time.monotonic() + number("seconds")
while time.monotonic() < until:
    pass
print(json.dumps({"asked": number("mebibytes") + number("seconds") > 0, "always": 1}))
`;

/** Printed by the agent that waits to be killed from outside. */
export const KILL_ME = 'ready to be killed from outside';
/** Printed by one agent, and looked for by another. */
export const ANOTHERS_SECRET = 'what another attempt printed, 6e0f7c1d\n';

/** Solves the task in full; hostile scripts do it first, so that what they lose shows. */
const SOLVE = 'mkdir -p out; echo 42 > out/answer.txt; echo done > out/note.txt\n';
const python = (code: string): string => `exec python3 - <<'PY'\n${code}\nPY\n`;
const plant = (code: string): string => `cat > tool.py <<'PY'\n${code}\nPY\n`;

const scored = { outcome: ['scored'], flat: 1 } as const;
const failed = { outcome: ['agent_error'], flat: 1 } as const;
const refused = { outcome: ['agent_error'], flat: 0 } as const;
const late = { outcome: ['agent_timeout'], agentSeconds: 5 } as const;

const ROOM: readonly HostileAgent[] = [
  {
    name: 'prints-a-secret',
    script: `${SOLVE}printf '${ANOTHERS_SECRET.trim()}\\n'`,
    ...scored,
  },
  {
    name: 'fills-its-workspace',
    script: `${SOLVE}head -c 10G /dev/zero > big; exit 0`,
    outcome: ['agent_error'],
  },
  {
    name: 'hundred-thousand-files',
    script: `${SOLVE}${python('for i in range(100000):\n    open("f%d" % i, "w").close()')}`,
    ...refused,
  },
  {
    name: 'fills-its-temporary-folder',
    script: `${SOLVE}for i in $(seq 20); do head -c 60M /dev/zero > /tmp/$i; done; sleep 3; exit 0`,
    ...failed,
  },
  {
    name: 'fills-the-report-volume',
    script: `${SOLVE}head -c 40M /dev/zero > /run/clawgym/report/big; sleep 20; exit 0`,
    outcome: ['agent_error'],
  },
  {
    name: 'fills-shared-memory',
    script: `${SOLVE}head -c 1G /dev/zero > /dev/shm/big; sleep 2; exit 0`,
    ...scored,
  },
  {
    name: 'floods-its-outputs',
    script: `${SOLVE}yes 0123456789abcdef | head -c 300000000; yes 0123456789abcdef | head -c 300000000 >&2; printf '\\033[2J\\033]0;owned\\007' >&2`,
    ...scored,
  },
  {
    name: 'takes-memory',
    script: `${SOLVE}${python('a = []\nwhile True:\n    a.append(b"x" * (8 << 20))')}`,
    ...failed,
  },
  {
    name: 'takes-memory-in-a-child',
    script: `${SOLVE}python3 -c 'x = b"x" * (2 << 30)'; exit 0`,
    outcome: ['scored', 'agent_error'],
    flat: 1,
  },
  {
    name: 'killed-as-a-group',
    script: `${SOLVE}echo ${KILL_ME}; exec sleep 100`,
    ...failed,
    agentSeconds: 120,
    clusterOnly: true,
  },
];

const PROCESSES: readonly HostileAgent[] = [
  {
    name: 'deaf-until-its-deadline',
    script: 'mkdir out; echo 42 > out/answer.txt; trap "" TERM INT HUP; while :; do sleep 1; done',
    ...late,
    flat: 0.5,
  },
  { name: 'stops-itself', script: `${SOLVE}kill -STOP $$`, ...late, flat: 1 },
  {
    name: 'fork-bomb',
    script: `${SOLVE}${python('import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass')}`,
    ...late,
    flat: 1,
  },
  {
    name: 'kills-all-it-sees',
    script: `${SOLVE}for s in $(seq 64); do kill -$s 1; done 2>/dev/null; kill -9 -1; kill -9 $$`,
    ...failed,
  },
  {
    name: 'stops-and-traces-its-wrapper',
    script: `${SOLVE}${python('import ctypes, os, signal\nfor s in range(1, 65):\n    try:\n        os.kill(1, s)\n    except OSError:\n        pass\nfor p in ("mem", "fd/0", "fd/3", "environ", "cwd/x", "root/x", "oom_score_adj"):\n    try:\n        open("/proc/1/" + p, "wb")\n        print("opened", p)\n    except OSError:\n        pass\nassert ctypes.CDLL(None).ptrace(16, 1, 0, 0) == -1')}`,
    ...scored,
  },
  {
    name: 'left-behind',
    script: `${SOLVE}for i in 1 2 3; do (setsid bash -c 'trap "" TERM INT HUP; echo > /tmp/pid-'$i'; sleep 1; while :; do date >> out/note.txt; sleep 0.01; done' &); done; until [ -e /tmp/pid-1 ] && [ -e /tmp/pid-2 ] && [ -e /tmp/pid-3 ]; do sleep 0.01; done; exit 0`,
    ...scored,
  },
  {
    name: 'forges-its-report',
    script: `${SOLVE}cd /run/clawgym/report; report='{"exitCode":0,"signal":null,"reason":"Exited","detail":"","seconds":1,"nonce":""}'; for n in report end agent 0 ready spec; do echo "$report" > $n.json; done; mkdir -p stdout/deep; chmod 000 stdout; mkfifo stderr; ln -s /etc/passwd link.json; touch ready /clawgym/state/ready /tmp/ready; chmod 000 . ; exit 3`,
    ...failed,
  },
];

const FILES: readonly HostileAgent[] = [
  {
    name: 'workspace-gone',
    script: 'rm -rf ./* .[!.]* /agent /run; mv . ../gone; rmdir "$PWD"; exit 0',
    outcome: ['scored'],
    flat: 0,
  },
  {
    name: 'links-instead-of-outputs',
    script: `mkdir out; ln -s /var/run/secrets/kubernetes.io/serviceaccount/token out/answer.txt; ln -s ../../../../../../etc/passwd out/note.txt; ln -s / root; ln -s loop loop; ln -s /proc/1/fd/1 fd`,
    outcome: ['scored'],
    flat: 0,
  },
  {
    name: 'special-files',
    script: `${SOLVE}rm out/answer.txt; mkfifo out/answer.txt; mknod d c 1 3; mknod e b 8 0; ln /usr/bin/python3 q; ${python('import os, socket\nsocket.socket(socket.AF_UNIX).bind("out/s.sock")\nfor i in range(40):\n    os.mkfifo("x" * 240 + str(i))')}`,
    outcome: ['scored'],
    flat: 0.5,
  },
  {
    name: 'sparse-files',
    script: `${SOLVE}truncate -s 1T sparse; truncate -s 60M a b; exit 0`,
    ...refused,
  },
  {
    name: 'deep-folders',
    script: `${SOLVE}${python('import os\nfor _ in range(3000):\n    os.mkdir("d" * 100)\n    os.chdir("d" * 100)')}`,
    ...refused,
  },
  {
    name: 'closed-folders',
    script: `${SOLVE}mkdir -p in/side; echo x > in/side/f; chmod -R a-rwx . ; exit 0`,
    ...scored,
  },
  {
    name: 'inputs-as-links',
    script: `${SOLVE}rm -r data; ln -s out data`,
    ...scored,
  },
];

const CLIENT = `import http.client, json, os, socket, ssl, threading
BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": "go"}]})
def connect():
    return http.client.HTTPConnection("127.0.0.1", 8089, timeout=60)
def ask(link, body=BODY):
    link.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
    answer = link.getresponse()
    answer.read()
    return answer.status
def server():
    for line in open("/etc/hosts"):
        if "clawgym-server" in line:
            return line.split()[0]
    return "127.0.0.1"
`;
const client = (code: string): string => `${SOLVE}${python(`${CLIENT}${code}`)}`;

const NETWORK: readonly HostileAgent[] = [
  {
    name: 'floods-the-model-link',
    script:
      client(`for text in (os.urandom(100000), b"GET / HTTP/9.9\\r\\n\\r\\n", b"POST /v1/chat/completions HTTP/1.1\\r\\nhost: x\\r\\ncontent-length: 99999999999\\r\\n\\r\\n{", b"A: " + b"b" * 200000):
    with socket.create_connection(("127.0.0.1", 8089), timeout=5) as link:
        try:
            link.sendall(text)
            link.shutdown(socket.SHUT_WR)
            link.recv(20)
        except OSError:
            pass
kept = []
for _ in range(400):
    try:
        kept.append(socket.create_connection(("127.0.0.1", 8089), timeout=1))
        kept[-1].send(b"POST /v1/chat/completions HTTP/1.1\\r\\n")
    except OSError:
        break
def flood():
    try:
        ask(connect(), b'{"model": "m", "messages": [{"role": "user", "content": "' + b"x" * (20 << 20) + b'"}]}')
    except (OSError, http.client.HTTPException):
        pass
for link in kept: link.close()
threads = [threading.Thread(target=flood) for _ in range(4)]
for t in threads: t.start()
for t in threads: t.join()
while True:
    try:
        if ask(connect()) == 200: break
    except (OSError, http.client.HTTPException):
        pass
print("answered")`),
    ...scored,
    agentSeconds: 60,
  },
  {
    name: 'floods-the-server',
    script: client(`kept = []
until = __import__("time").monotonic() + 8
context = ssl._create_unverified_context()
while __import__("time").monotonic() < until:
    try:
        link = socket.create_connection((server(), 8443), timeout=2)
        if len(kept) % 50 == 0:
            link = context.wrap_socket(link)
            link.sendall(b"GET /rollouts/v1/artifacts/x HTTP/1.1\\r\\n")
        kept.append(link)
    except OSError:
        break
print("asked", ask(connect()))`),
    ...scored,
  },
  {
    name: 'uses-up-the-ports',
    script: client(`kept = []
def grab():
    while True:
        link = socket.socket()
        link.setblocking(False)
        try:
            link.connect((server(), 8443))
        except BlockingIOError:
            pass
        kept.append(link)
# Of each process's files there is an end, too.
for _ in range(10):
    if os.fork() == 0:
        try:
            grab()
        except OSError as error:
            print(error.errno, len(kept), flush=True)
        __import__("time").sleep(100)
__import__("time").sleep(10)
try:
    print("asked", ask(connect()))
except (OSError, http.client.HTTPException) as error:
    print("asked", error)`),
    ...scored,
    agentSeconds: 60,
  },
];

const VERIFIERS: readonly HostileAgent[] = [
  {
    name: 'makes-the-verifier-take-memory',
    script: 'mkdir out; echo 1000000 > out/mebibytes',
    verifier: GREEDY_CHECK,
    outcome: ['scored'],
    flat: 0,
  },
  {
    name: 'makes-the-verifier-hang',
    script: 'mkdir out; echo 1000000 > out/seconds',
    verifier: GREEDY_CHECK,
    outcome: ['scored'],
    flat: 0,
  },
  {
    name: 'takes-memory-below-the-verifier',
    script: plant('a = []\nwhile True:\n    a.append(b"x" * (8 << 20))'),
    verifier: CHILD_CHECK,
    outcome: ['scored'],
    flat: 0,
  },
  {
    name: 'fills-the-disk-below-the-verifier',
    script: plant(
      'b = bytes(1 << 20)\nfor i in range(200):\n    with open("big%d" % i, "wb") as f:\n        for _ in range(60):\n            f.write(b)',
    ),
    verifier: CHILD_CHECK,
    outcome: ['scored'],
    flat: 0,
  },
];

/** In the order of the plan: the first has ended when the last begins. */
export const HOSTILE_AGENTS: readonly HostileAgent[] = [
  ...ROOM,
  ...PROCESSES,
  ...FILES,
  ...NETWORK,
  ...VERIFIERS,
];

/** The agents as ClawTask objects, one JSON document each. */
export function hostileManifest(agents: readonly HostileAgent[]): string {
  return agents.map((agent) => `---\n${JSON.stringify(clawTask(agent))}\n`).join('');
}

function clawTask({ name, script, agentSeconds = 40, verifier = PLAIN_CHECK }: HostileAgent) {
  const files = [{ path: 'check.py', text: verifier }];
  return {
    apiVersion: 'clawgym.io/v1alpha1',
    kind: 'ClawTask',
    metadata: { name },
    spec: {
      task: {
        instruction: { turns: [{ text: script }] },
        workspace: {
          path: '/root/.openclaw/workspace',
          inputs: [{ path: 'data/in.txt', text: 'keep me\n', mode: 'protected' }],
        },
        outputs: ['out/answer.txt', 'out/note.txt'].map((path) => ({ path, format: 'text' })),
        verifier: { dialect: 'check-json', entry: 'check.py', files },
        timeouts: { agentSeconds, verifierSeconds: 6 },
        category: 'hostile',
      },
    },
  };
}

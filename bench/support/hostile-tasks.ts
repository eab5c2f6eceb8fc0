import { CHILD_CHECK, PLAIN_CHECK } from '../../test/support/hostile-tasks.ts';
import {
  ANOTHERS_SECRET,
  crashed,
  failed,
  type HostileAgent,
  KILL_ME,
  python,
  SOLVE,
  scored,
} from './hostile-agent.ts';
import { NETWORK, OTHERS } from './hostile-network.ts';

/** Allocates what the agent asks for, and spins for as long as it asks: the last way lets no signal in. */
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
sum(range(number("steps")))
print(json.dumps({"asked": any(map(number, ("mebibytes", "seconds", "steps"))), "always": 1}))
`;

const plant = (code: string): string => `cat > tool.py <<'PY'\n${code}\nPY\n`;
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
    outcome: ['agent_error'],
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

const VERIFIERS: readonly HostileAgent[] = [
  {
    name: 'makes-the-verifier-take-memory',
    script: 'mkdir out; echo 1000000 > out/mebibytes',
    verifier: GREEDY_CHECK,
    ...crashed,
    verifications: ['main', 'doubled', 'pristine'],
  },
  {
    name: 'makes-the-verifier-hang',
    script: 'mkdir out; echo 1000000 > out/seconds',
    verifier: GREEDY_CHECK,
    ...crashed,
  },
  {
    name: 'makes-the-verifier-hang-in-one-step',
    script: 'mkdir out; echo 1000000000000000 > out/steps',
    verifier: GREEDY_CHECK,
    ...crashed,
  },
  // Whether these two end the verifier or the child alone, on which it then gives up, is a matter of timing.
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
  ...OTHERS,
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
        timeouts: { agentSeconds, verifierSeconds: 3 },
        category: 'hostile',
      },
    },
  };
}

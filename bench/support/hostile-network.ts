import { sha256 } from '../../src/base/digest.ts';
import {
  ANOTHERS_SECRET,
  failed,
  type HostileAgent,
  python,
  SOLVE,
  scored,
} from './hostile-agent.ts';

const CLIENT = `import http.client, json, os, socket, ssl, threading, time
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
# Locally nothing but the model link listens.
DOOR = (server(), 8089 if server() == "127.0.0.1" else 8443)
`;
const client = (code: string): string => `${SOLVE}${python(`${CLIENT}${code}`)}`;

export const NETWORK: readonly HostileAgent[] = [
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
        ask(connect(), b'{"model": "m", "messages": [{"role": "user", "content": "' + b"x" * (8 << 20) + b'"}]}')
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
    agentSeconds: 120,
  },
  {
    name: 'floods-the-server',
    script: client(`kept = []
until = time.monotonic() + 8
context = ssl._create_unverified_context()
while time.monotonic() < until and len(kept) < 3000:
    try:
        link = socket.create_connection(DOOR, timeout=2)
        if len(kept) % 50 == 0 and DOOR[1] == 8443:
            link = context.wrap_socket(link)
            link.sendall(b"GET /rollouts/v1/artifacts/x HTTP/1.1\\r\\n")
        kept.append(link)
    except OSError:
        break
print(len(kept), flush=True)
if DOOR[1] != 8443:
    for link in kept: link.close()
for _ in range(60):
    try:
        if ask(connect()) == 200: raise SystemExit(0)
    except (OSError, http.client.HTTPException):
        time.sleep(0.5)
raise SystemExit(1)`),
    ...scored,
    agentSeconds: 120,
  },
  {
    name: 'uses-up-the-ports',
    script: client(`kept = []
def grab():
    while True:
        link = socket.socket()
        link.setblocking(False)
        try:
            link.connect(DOOR)
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
        time.sleep(100)
time.sleep(10)
while True:
    try:
        print(ask(connect()), flush=True)
    except (OSError, http.client.HTTPException) as error:
        print(error, flush=True)`),
    ...failed,
    agentSeconds: 60,
  },
  {
    name: 'opens-one-connection-after-the-other',
    script: client(`until = time.monotonic() + 30
while time.monotonic() < until:
    link = socket.socket()
    link.setblocking(False)
    link.connect_ex(DOOR)
    link.close()
print(ask(connect()), flush=True)`),
    ...failed,
    agentSeconds: 60,
  },
];

/** Ends with 9 where it reached what is another's, with 8 where it did not even reach the server. */
const LOOK = `import glob
in_a_pod = server() != "127.0.0.1"
reached = []
def status(port, path, headers, method="GET"):
    context = ssl._create_unverified_context()
    link = http.client.HTTPSConnection(server(), port, timeout=4, context=context)
    link.request(method, path, b"{}" if method != "GET" else None, {"content-type": "application/json", **headers})
    answer = link.getresponse()
    answer.read()
    return answer.status
if in_a_pod and status(8443, "/rollouts/v1/artifacts/DIGEST", {}) != 401:
    os._exit(8)
bearers = ({}, {"authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}, {"authorization": "Bearer x.y.z"})
doors = [("GET", "/rollouts/v1/artifacts/DIGEST"), ("POST", "/gateway/v1/chat/completions"), ("POST", "/rollouts/v1/end"), ("GET", "/query/v1/batches"), ("GET", "/query/v1/artifacts/DIGEST"), ("GET", "/operator/v1/info"), ("GET", "/metrics")]
doors += [("POST", "/rollouts/v1/claims/" + role) for role in ("stage", "companion", "fetch", "report")]
for port in (8443, 8444, 9090):
    for method, path in doors:
        for headers in bearers:
            try:
                if status(port, path, headers, method) < 400 or port != 8443:
                    reached.append([port, path])
            except OSError:
                if port != 8443:
                    break
        else:
            continue
        if port != 8443:
            break
for path in ("/rollouts/v1/artifacts/DIGEST", "/v1/../rollouts/v1/artifacts/DIGEST", "/v1/../../query/v1/artifacts/DIGEST", "/gateway/v1/models", "/v1/artifacts/DIGEST", "/v1/%2e%2e/rollouts/v1/artifacts/DIGEST", "https://" + server() + ":8443/rollouts/v1/artifacts/DIGEST"):
    link = connect()
    try:
        link.request("GET", path)
        answer = link.getresponse()
        answer.read()
        if answer.status < 400: reached.append(path)
    except (OSError, http.client.HTTPException):
        pass
secret = "what another".encode() + b" attempt printed"
for top in ("/tmp", "/run", "/var", "/agent", "/root", "/dev/shm", "/clawgym", "/home", "/mnt", "/srv", "/etc", "/proc/[0-9]*/environ", "/proc/1/root", "/proc/1/cwd"):
    for place in glob.glob(top):
        for folder, _, names in os.walk(place):
            for name in names:
                try:
                    fd = os.open(os.path.join(folder, name), os.O_RDONLY | os.O_NONBLOCK)
                    if secret in os.read(fd, 1 << 20): reached.append(os.path.join(folder, name))
                    os.close(fd)
                except OSError:
                    pass
others = [pid for pid in os.listdir("/proc") if pid.isdigit() and pid not in ("1", str(os.getpid()))]
for pid in others:
    if int(pid) < 1000 and os.stat("/proc/" + pid).st_uid != os.getuid(): reached.append(pid)
print(reached)
raise SystemExit(9 if reached else 0)`.replaceAll('DIGEST', sha256(ANOTHERS_SECRET));

export const OTHERS: readonly HostileAgent[] = [
  { name: 'looks-for-others', script: client(LOOK), ...scored, agentSeconds: 120 },
];

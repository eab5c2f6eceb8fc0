/** Python programs that print as JSON what they see of the container that they run in. */

/** Of an untrusted container: who it is, where it can write, what it can find. */
export function lookAround(places: readonly string[], seen: readonly string[]): string {
  return `
import json, os, socket
def status(name):
    with open("/proc/self/status") as file:
        return next(line.split(":")[1].split() for line in file if line.startswith(name + ":"))
def writable(path):
    try:
        with open(os.path.join(path, "probe"), "w") as file: file.write("x")
        return True
    except OSError: return False
def looks_up(name):
    try: return bool(socket.getaddrinfo(name, 443))
    except OSError: return False
def read(path):
    with open(path) as file: return file.read()
shm = os.statvfs("/dev/shm")
print(json.dumps({
    "ids": [status(name) for name in ("Uid", "Gid", "Groups")],
    "capabilities": [status(name)[0] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")],
    "noNewPrivs": status("NoNewPrivs"), "seccomp": status("Seccomp"),
    "writable": [path for path in ${JSON.stringify(places)} if writable(path)],
    "found": [path for path in ("/var/run/secrets", "/var/run/clawgym/token", "/clawgym/state") if os.path.exists(path)
        and (not os.path.isdir(path) or os.listdir(path))],
    "env": sorted(name for name in os.environ if not name.startswith("KUBERNETES_")),
    "host": socket.gethostname(), "cwd": os.getcwd(),
    "lookup": [looks_up(name) for name in ("kubernetes.default.svc", "example.com")],
    "server": socket.gethostbyname("clawgym-server.sandbox.internal"),
    "resolv": read("/etc/resolv.conf"),
    "shm": shm.f_blocks * shm.f_frsize,
    "seen": [read(path) for path in ${JSON.stringify(seen)}],
}))
`;
}

/** Something that a container tries to reach: by a TCP connection, or by a question to a name server. */
export interface Door {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly way?: 'dns';
}

/**
 * Of any container: which doors answer. The first is tried until it does, for policies may take a moment
 * to let a new pod through; what is closed then is closed. Refused is not reached: a network may refuse
 * in the place of who is asked.
 */
export function reachOut(first: Door, others: readonly Door[]): string {
  return `
import json, os, socket, threading, time
QUERY = bytes.fromhex("1337010000010000000000000a6b756265726e657465730764656661756c740373766300" "00010001")
def answers(door):
    place = (os.path.expandvars(door["host"]), door["port"])
    try:
        if door.get("way") != "dns":
            socket.create_connection(place, 3).close()
            return True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.settimeout(3)
            line.sendto(QUERY, place)
            return len(line.recv(512)) > 0
    except OSError:
        return False
first, others = json.loads(${JSON.stringify(JSON.stringify([first, others]))})
until = time.monotonic() + 20
while not (opened := answers(first)) and time.monotonic() < until: time.sleep(0.2)
reached = [first["name"]] if opened else []
def look(door):
    if answers(door): reached.append(door["name"])
tries = [threading.Thread(target=look, args=(door,)) for door in others]
for each in tries: each.start()
for each in tries: each.join()
print(json.dumps(sorted(reached)))
`;
}

/** Of the first container: writes these files, then says what its token is. */
export function layOut(files: readonly string[]): string {
  return `
import base64, json
for path in ${JSON.stringify(files)}:
    with open(path, "w") as file: file.write("laid out")
with open("/var/run/clawgym/token/token") as file: token = file.read()
body = token.split(".")[1]
claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
print(json.dumps({"audience": claims["aud"], "life": claims["exp"] - claims["iat"],
    "account": claims["kubernetes.io"]["serviceaccount"]["name"]}))
`;
}

/** Of the sidecar (bash): says at SIGTERM what lies in a folder. */
export function listAtEnd(folder: string): string {
  return `
trap 'echo saw: $(ls ${folder}); exit 0' TERM
touch /clawgym/state/ready
sleep 600 & wait`;
}

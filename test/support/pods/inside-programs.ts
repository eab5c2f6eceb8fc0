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

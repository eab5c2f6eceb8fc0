/**
 * What the preflight pod runs in the runner image: tries each target, counts how many threads a pod
 * may have, and leaves one JSON object as the container's termination message. Python, since the
 * image has it and one argument holds it. Input: one JSON argument `{targets, seconds, threads}`.
 *
 * Only an answer counts as reached: some network plugins refuse a forbidden connection at once, so
 * that "refused" says nothing. The gateway comes first: while that is closed, nothing else that is
 * closed proves anything. What is open is tried again until `seconds` are over, because policies
 * take effect some time after a pod's start.
 */
export const PREFLIGHT_PROGRAM = `
import json, os, socket, sys, threading, time

WAIT = 2
QUERY = bytes.fromhex("1337010000010000000000000a6b756265726e657465730764656661756c740373766300" "00010001")

def tcp(host, port):
    socket.create_connection((host, port), WAIT).close()

def udp(host, port):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as line:
        line.settimeout(WAIT)
        line.sendto(QUERY, (host, port))
        line.recv(512)

def lookup(host, port):
    socket.getaddrinfo(host, port)

WAYS = {"tcp": tcp, "dns": udp, "lookup": lookup}

def reached(targets):
    found = []
    def one(target):
        try:
            WAYS[target["way"]](os.path.expandvars(target["host"]), target["port"])
            found.append(target["name"])
        except OSError:
            pass
    tries = [threading.Thread(target=one, args=(target,), daemon=True) for target in targets]
    for each in tries: each.start()
    for each in tries: each.join(4 * WAIT)
    return sorted(found)

def wait_until(test, seconds):
    end = time.monotonic() + seconds
    while True:
        value = test()
        if value or time.monotonic() > end: return value
        time.sleep(0.5)

def threads(most):
    over, started = threading.Event(), 0
    threading.stack_size(64 * 1024)
    try:
        while started < most:
            threading.Thread(target=over.wait, daemon=True).start()
            started += 1
    except (RuntimeError, MemoryError):
        pass
    over.set()
    return started

plan = json.loads(sys.argv[1])
gateway = [target for target in plan["targets"] if target["open"]]
others = [target for target in plan["targets"] if not target["open"]]
answer = {"gateway": bool(wait_until(lambda: reached(gateway), plan["seconds"]))}
answer["first"] = reached(others)
answer["reached"] = answer["first"]
end = time.monotonic() + plan["seconds"]
while answer["reached"] and time.monotonic() < end:
    time.sleep(0.5)
    answer["reached"] = reached([each for each in others if each["name"] in answer["reached"]])
started = threads(plan["threads"])
answer["threads"] = started if started < plan["threads"] else None
with open("/dev/termination-log", "w") as log:
    json.dump(answer, log)
`;

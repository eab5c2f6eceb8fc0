import { afterAll, beforeAll, it } from 'vitest';
import { RecordedUpstream } from '../../src/gateway/recorded-upstream.ts';
import { HostileBench } from '../support/hostile-bench.ts';
import { expectSoundReport, type HostileCase, runCase, SOLVE } from '../support/hostile-cases.ts';
import { TRANSCRIPT_CHECK } from '../support/hostile-tasks.ts';

let bench: HostileBench;
beforeAll(async () => {
  bench = new HostileBench();
  await bench.open();
});
afterAll(() => bench[Symbol.asyncDispose]());

const upstream = new RecordedUpstream({
  model: 'm',
  note: '',
  tasks: [{ task: 'any', match: 'go', turns: [{ content: 'ok', tool_calls: [] }] }],
});

const CLIENT = `import http.client, json, os, socket, threading
BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": "go"}]})
def ask(link, body=BODY):
    link.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
    answer = link.getresponse()
    answer.read()
    return answer.status
def connect():
    return http.client.HTTPConnection("127.0.0.1", 8089, timeout=30)
`;
const python = (code: string): string => `${SOLVE}exec python3 - <<'PY'\n${CLIENT}${code}\nPY\n`;
const honest = { upstream, outcome: 'scored', flat: 1 } as const;

const CASES: readonly HostileCase[] = [
  {
    ...honest,
    name: 'requests-without-end',
    script: python(`def work():
    link = connect()
    while True:
        ask(link)
        print("asked", flush=True)
for _ in range(16): threading.Thread(target=work).start()`),
    task: { agentSeconds: 6 },
    outcome: 'agent_timeout',
    within: 40,
    grown: 400,
  },
  {
    ...honest,
    name: 'body-of-100-mb',
    script: python(`def flood(body):
    try:
        return ask(connect(), body)
    except OSError:
        return "closed"
def body(size): return b'{"model": "m", "messages": [{"role": "user", "content": "' + b"x" * size + b'"}]}'
print(flood(body(100 << 20)), flood(body(100 << 20)))
results, shared = [], body(40 << 20)
threads = [threading.Thread(target=lambda: results.append(flood(shared))) for _ in range(6)]
for t in threads: t.start()
for t in threads: t.join()
print(results)`),
    within: 60,
    // Two of these bodies are let in at a time, and each is parsed.
    grown: 800,
  },
  {
    ...honest,
    name: 'transcript-that-breaks-the-grader',
    script: python('print(ask(connect(), BODY.replace("go", "go boom")))'),
    task: { verifier: TRANSCRIPT_CHECK, dialect: 'pinchbench' },
    flat: 0,
    codes: ['AgentOutputBrokeVerifier'],
  },
  {
    ...honest,
    name: 'garbage',
    script:
      python(`for text in (os.urandom(100000), b"GET / HTTP/9.9\\r\\n\\r\\n", b"POST /v1/chat/completions HTTP/1.1\\r\\nhost: x\\r\\ncontent-length: 99999999999\\r\\n\\r\\n{", b"POST /v1/chat/completions HTTP/1.1\\r\\nhost: x\\r\\ntransfer-encoding: chunked\\r\\n\\r\\nffffffffffffffff\\r\\n", b"A: " + b"b" * 200000, b"\\0" * 70000):
    with socket.create_connection(("127.0.0.1", 8089), timeout=5) as link:
        try:
            link.sendall(text)
            link.shutdown(socket.SHUT_WR)
            print(link.recv(20))
        except OSError as error:
            print(error.errno)
kept = []
for _ in range(400):
    try:
        kept.append(socket.create_connection(("127.0.0.1", 8089), timeout=1))
        kept[-1].send(b"POST /v1/chat/completions HTTP/1.1\\r\\n")
    except OSError:
        break
print(len(kept) > 100)
for body in ("[]", "{}", "null", '{"messages": 5}', '{"model": "m", "messages": [[[[[[[[]]]]]]]]}', "[" * 100000, '{"model": "m", "messages": [], "stream": "yes", "n": 1e308}'):
    for link in kept: link.close()
    try:
        print(ask(connect(), body))
    except OSError as error:
        print(error)`),
  },
  {
    ...honest,
    name: 'hangs-up',
    script: python(`for _ in range(300):
    try:
        link = socket.create_connection(("127.0.0.1", 8089), timeout=5)
        link.sendall(b"POST /v1/chat/completions HTTP/1.1\\r\\nhost: x\\r\\ncontent-length: %d\\r\\n\\r\\n%s" % (len(BODY), BODY.encode()))
        link.close()
    except OSError:
        pass
def answered():
    try:
        return ask(connect()) == 200
    except (OSError, http.client.HTTPException):
        return False
while not answered(): pass
print("answered")`),
  },
  {
    ...honest,
    name: 'other-doors',
    script:
      python(`for method, path in (("DELETE", "/calls/aaaaaaaa"), ("GET", "/v1/models"), ("GET", "/v1/../calls/x"), ("GET", "http://127.0.0.1/v1/models"), ("CONNECT", "example.org:443"), ("PUT", "/v1/models"), ("GET", "/metrics")):
    link = connect()
    try:
        link.request(method, path, headers={"authorization": "Bearer x", "x-clawgym-call-id": "aaaaaaaa"})
        print(method, path, link.getresponse().status)
    except (OSError, http.client.HTTPException) as error:
        print(method, path, "refused")
for path in ("/run/clawgym/link/model.sock",):
    try:
        os.unlink(path)
        print("removed")
    except OSError:
        print("kept")
print(ask(connect()))`),
  },
  {
    ...honest,
    name: 'over-its-budget',
    budgets: { turns: 3 },
    script: python('print([ask(connect()) for _ in range(50)])'),
    outcome: 'budget_exhausted',
  },
];

it.each(CASES)('an agent that is hostile to the model link: $name', async (one) => {
  await runCase(bench, one);
});

it('gives a sound report', async () => {
  await expectSoundReport(bench);
});

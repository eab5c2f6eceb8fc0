import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { fastClock } from '../../../test/support/pod-role.ts';
import { type Script, ScriptedListener } from '../../../test/support/scripted-listener.ts';
import { sha256 } from '../../base/digest.ts';
import { silentLogger } from '../../base/logger.ts';
import { ListenerConnection } from './listener-connection.ts';
import { SandboxClient } from './sandbox-client.ts';

const REPORT = { attempt: 'a', credential: 'c', kind: 'main', verdictNonce: 'n' };
const NEVER = new AbortController().signal;

async function bed(script: Script, host?: string, token?: string) {
  const stack = new AsyncDisposableStack();
  const listener = stack.use(await ScriptedListener.start(script, host));
  const connection = new ListenerConnection({ serverUrl: listener.url, ca: listener.ca });
  stack.defer(() => connection.close());
  const warned: string[] = [];
  const logger = { ...silentLogger, warn: (_: object, line: string) => void warned.push(line) };
  const tokens = ['one', 'two', 'three', 'four', 'five'];
  let read = 0;
  const client = new SandboxClient({
    connection,
    readToken: async () => token ?? tokens[read++ % tokens.length] ?? '',
    clock: fastClock,
    random: () => 0.5,
    logger,
  });
  const refused = () => expect.poll(() => warned.length).toBeGreaterThan(0);
  return {
    listener,
    client,
    connection,
    refused,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** A script that fails so many times and then has nothing to say. */
function failing(times: number, answer: Awaited<ReturnType<Script>>): Script {
  let left = times;
  return () => {
    left -= 1;
    return left >= 0 ? answer : undefined;
  };
}

it('takes a server that falls silent for one that is away', async () => {
  await using it = await bed(() => new Promise(() => undefined));
  const call = { method: 'GET', path: '/', headers: {}, body: null, signal: NEVER } as const;
  await expect(it.connection.send({ ...call, idleMs: 20 })).rejects.toMatchObject({
    ...{ code: 'Timeout', retryable: true },
    message: 'the server was silent for 0.02 s',
  });
});

describe('a claim', () => {
  it.each([500, 502, 503, 429, 408])(
    'is repeated after a %d, with the token read anew',
    async (status) => {
      let asked = 0;
      await using it = await bed(() => {
        asked += 1;
        return asked < 3 ? { status } : { json: REPORT };
      });
      expect(await it.client.claim('report', NEVER)).toEqual({ claim: REPORT });
      expect(it.listener.seen.map(({ bearer }) => bearer)).toEqual(['one', 'two', 'three']);
    },
  );

  it.each([
    [401, 'Fenced'],
    [403, 'Fenced'],
    [404, 'NotFound'],
    [400, 'UpstreamFailed'],
  ])('ends at a refusal: %d', async (status, code) => {
    await using it = await bed(() => ({ status, json: { error: 'no' } }));
    await expect(it.client.claim('stage', NEVER)).rejects.toMatchObject({ code });
    expect(it.listener.seen).toHaveLength(1);
  });

  it('that gives nothing says why', async () => {
    const none = { decision: 'wait', reason: 'the attempt before is open', retryAfterSeconds: 1 };
    await using it = await bed(() => ({ status: 409, json: none }));
    expect(await it.client.claim('stage', NEVER)).toEqual({ none });
  });

  it.each([
    ['not JSON', { bytes: Buffer.from('<html>') }],
    ['another shape', { json: { ...REPORT, kind: 'other' } }],
    ['a claim of another role', { json: { attempt: 'a' } }],
  ])('is not taken from %s', async (_, answer) => {
    await using it = await bed(() => answer);
    await expect(it.client.claim('report', NEVER)).rejects.toMatchObject({
      code: 'UpstreamFailed',
    });
  });

  it('goes on when the server comes back', async () => {
    await using it = await bed(() => ({ json: REPORT }));
    await it.listener.stop();
    const claim = it.client.claim('report', NEVER);
    await it.refused();
    await it.listener.start();
    expect(await claim).toEqual({ claim: REPORT });
  });

  it('ends when it is given up, with the last failure', async () => {
    await using it = await bed(() => ({ status: 503, json: { error: 'starting' } }));
    const late = AbortSignal.timeout(100);
    await expect(it.client.claim('report', late)).rejects.toThrow(/claim of report.*503.*starting/);
  });

  it('is never made to a server with another name', async () => {
    await using it = await bed(() => ({ json: REPORT }), 'somebody.else');
    const late = AbortSignal.timeout(100);
    await expect(it.client.claim('report', late)).rejects.toThrow(/altnames/);
    expect(it.listener.seen).toEqual([]);
  });

  it.each(['', 'two words', 'line\r\nX-More: 1'])(
    'is not made with %j as its token',
    async (text) => {
      await using it = await bed(() => ({ json: REPORT }), undefined, text);
      await expect(it.client.claim('report', NEVER)).rejects.toMatchObject({
        code: 'InvalidInput',
      });
      expect(it.listener.seen).toEqual([]);
    },
  );

  it('needs an https address', () => {
    expect(() => new ListenerConnection({ serverUrl: 'http://127.0.0.1', ca: '' })).toThrow(
      /https/,
    );
  });
});

describe('an artifact', () => {
  const bytes = Buffer.from('x'.repeat(100_000));
  const digest = sha256(bytes);

  it.each([
    ['breaks off', { bytes, breakAfter: 50_000 }],
    ['comes with other bytes', { bytes: Buffer.from('y') }],
    ['is refused for now', { status: 503 }],
  ])('that %s is asked for again', async (_, answer) => {
    await using it = await bed(failing(2, answer));
    it.listener.put(bytes);
    expect(await it.client.session('c').read(digest, NEVER)).toEqual(bytes);
    expect(it.listener.seen).toHaveLength(3);
    expect(it.listener.seen[0]).toMatchObject({ method: 'GET', bearer: 'c' });
  });

  it('that is not there is an error at once', async () => {
    await using it = await bed(() => undefined);
    await expect(it.client.session('c').read(digest, NEVER)).rejects.toMatchObject({
      code: 'NotFound',
    });
  });

  it('is put from its beginning at each try, until the server has it', async () => {
    await using it = await bed(failing(2, { status: 500 }));
    const opened: Readable[] = [];
    const open = () => {
      opened.push(Readable.from([bytes], { objectMode: false }));
      return opened.at(-1) ?? Readable.from([]);
    };
    await it.client.session('c').put({ digest, size: bytes.length, open }, NEVER);
    expect(opened).toHaveLength(3);
    expect(opened.every(({ destroyed }) => destroyed)).toBe(true);
    expect(it.listener.artifacts.get(digest)).toEqual(bytes);
  });

  it('counts as stored only under its own digest', async () => {
    const other = { json: { digest: sha256('other'), size: 1 } };
    await using it = await bed(() => other);
    const put = it.client.session('c').putBytes(digest, bytes, AbortSignal.timeout(100));
    await expect(put).rejects.toThrow(/stored/);
  });

  it('is put through a restart of the server', async () => {
    const large = Buffer.alloc(8 * 1024 * 1024, 7);
    await using it = await bed(() => undefined);
    const put = it.client.session('c').putBytes(sha256(large), large, NEVER);
    await it.listener.connected();
    await it.listener.stop();
    await it.refused();
    await it.listener.start();
    await put;
    expect(it.listener.artifacts.has(sha256(large))).toBe(true);
  });
});

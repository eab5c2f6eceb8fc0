import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { beforeSend } from '../../operator/kube/client/before-send.ts';
import { batchState } from '../../test/support/batch-cases.ts';
import { tempDir } from '../../test/support/temp-dir.ts';
import { ClawError } from '../base/error.ts';
import { OperatorClient, retryAfterOf } from './operator-client.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;
const call = { signal: new AbortController().signal };
const UID = 'u/1';

/** A server that answers as it is told, and a client of it with a token file. */
async function pair(
  answer: Answer,
  more: Partial<ConstructorParameters<typeof OperatorClient>[0]> = {},
) {
  const folder = await tempDir();
  const tokenFile = join(folder.path, 'token');
  await writeFile(tokenFile, 'first\n');
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const client = new OperatorClient({
    ...{ url: `http://127.0.0.1:${port}/`, tokenFile },
    ...more,
  });
  onTestFinished(async () => {
    await client[Symbol.asyncDispose]();
    server.closeAllConnections();
    server.close();
    await folder[Symbol.asyncDispose]();
  });
  return { client, tokenFile };
}

const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Answer =>
  (_request, response) =>
    void response.writeHead(status, headers).end(JSON.stringify(body));

async function failure(work: Promise<unknown>): Promise<ClawError> {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (thrown instanceof ClawError) return thrown;
  throw new Error(`expected a ClawError, got ${String(thrown)}`);
}

const OPEN = { uid: UID, namespace: 'team', name: 'demo' };

test('sends token and body to the routes of the design, and reads the answer by its schema', async () => {
  const seen: string[] = [];
  const { client } = await pair((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method, url, headers } = request;
      seen.push(`${method} ${url} ${headers.authorization} ${Buffer.concat(chunks).toString()}`);
      const answers: Record<string, unknown> = {
        'POST /operator/v1/batches/u%2F1/evidence': { stored: ['a'] },
        'POST /operator/v1/batches/u%2F1/finish': { results: 'b'.repeat(64) },
        'GET /operator/v1/batches/u%2F1': batchState(),
        'GET /operator/v1/batches': { batches: [OPEN] },
      };
      response.end(JSON.stringify(answers[`${method} ${url}`] ?? {}));
    });
  });
  expect(await client.batch(UID, call)).toEqual(batchState());
  expect(await client.evidence(UID, [], call)).toEqual(['a']);
  expect(await client.finish(UID, call)).toBe('b'.repeat(64));
  expect(await client.openBatches(call)).toEqual([OPEN]);
  await client.jobCreated(UID, 'j', 'k', call);
  await client.jobOver(UID, 'j', 'paused', call);
  await client.cancel(UID, 'Deleted', call);
  expect(seen).toEqual([
    'GET /operator/v1/batches/u%2F1 Bearer first ',
    'POST /operator/v1/batches/u%2F1/evidence Bearer first {"pods":[]}',
    'POST /operator/v1/batches/u%2F1/finish Bearer first {}',
    'GET /operator/v1/batches Bearer first ',
    'PUT /operator/v1/batches/u%2F1/jobs/j/uid Bearer first {"uid":"k"}',
    'POST /operator/v1/batches/u%2F1/jobs/j/over Bearer first {"cause":"paused"}',
    'POST /operator/v1/batches/u%2F1/cancel Bearer first {"reason":"Deleted"}',
  ]);
});

test('a process that leads no more changes nothing; it may read', async () => {
  const seen: string[] = [];
  const leadership = { leads: true };
  const { client } = await pair(
    (request, response) => {
      seen.push(`${request.method} ${request.url}`);
      request.resume();
      response.end(JSON.stringify(request.method === 'GET' ? batchState() : {}));
    },
    {
      beforeSend: (place) =>
        beforeSend(() => {
          if (!leadership.leads) throw new Error(`${place}: not sent: another one leads`);
        }),
    },
  );
  await client.cancel(UID, 'Deleted', call);
  const ended = client.jobOver(UID, 'j', 'paused', call);
  // The call has begun, its bytes have not left.
  leadership.leads = false;
  expect((await failure(ended)).message).toContain('over: not sent: another one leads');
  expect(await failure(client.cancel(UID, 'Deleted', call))).toMatchObject({
    code: 'ServerUnavailable',
    retryable: true,
  });
  expect(await client.batch(UID, call)).toEqual(batchState());
  expect(seen).toEqual([
    'POST /operator/v1/batches/u%2F1/cancel',
    'GET /operator/v1/batches/u%2F1',
  ]);
});

test('a batch that the server does not know is no error', async () => {
  const { client } = await pair(json(404, { code: 'NotFound', message: 'no', retryable: false }));
  expect(await client.batch(UID, call)).toBe(undefined);
  expect(await failure(client.finish(UID, call))).toMatchObject({ code: 'NotFound' });
});

test.each<[string, Answer, Partial<ClawError>]>([
  [
    "the server's own no",
    json(422, { code: 'InvalidTask', message: 'task a: no verifier', retryable: false }),
    { code: 'InvalidTask', message: 'task a: no verifier', retryable: false },
  ],
  [
    'an unknown code',
    json(400, { code: 'Novel', message: 'what', retryable: false }),
    { code: 'Internal', retryable: false },
  ],
  [
    'a proxy',
    (_request, response) => void response.writeHead(502).end('bad gateway'),
    { code: 'ServerUnavailable', retryable: true },
  ],
  [
    'a server that asks to come back',
    json(
      503,
      { code: 'StoreUnavailable', message: 'starting', retryable: true },
      { 'retry-after': '7' },
    ),
    { code: 'ServerUnavailable', retryable: true },
  ],
  [
    'a connection that breaks',
    (request) => void request.socket.destroy(),
    { code: 'ServerUnavailable', retryable: true },
  ],
  [
    'an answer that is no JSON',
    (_request, response) => void response.end('<html>'),
    { code: 'Internal' },
  ],
  ['an answer of another version', json(200, { results: 'short' }), { code: 'Internal' }],
])('%s', async (_name, answer, expected) => {
  const { client } = await pair(answer);
  const thrown = await failure(client.finish(UID, call));
  expect(thrown).toMatchObject(expected);
  expect(thrown.message).not.toContain('first');
});

test('says how long the server asked to wait', async () => {
  const { client } = await pair(
    json(429, { code: 'Internal', message: 'x', retryable: true }, { 'retry-after': '7' }),
  );
  expect(retryAfterOf(await failure(client.finish(UID, call)))).toBe(7000);
  expect(retryAfterOf(new Error('x'))).toBe(undefined);
});

test('a refused token is read anew, once', async () => {
  const tokens: (string | undefined)[] = [];
  const { client, tokenFile } = await pair((request, response) => {
    tokens.push(request.headers.authorization);
    if (tokens.length > 1) return void response.end(JSON.stringify(batchState()));
    void writeFile(tokenFile, 'second').then(() => response.writeHead(401).end('{}'));
    return undefined;
  });
  expect(await client.batch(UID, call)).toEqual(batchState());
  expect(tokens).toEqual(['Bearer first', 'Bearer second']);
});

test('ends by its deadline, and with its signal for the reason of the signal', async () => {
  const { client } = await pair(() => undefined, { timeoutMs: 200 });
  expect(await failure(client.batch(UID, call))).toMatchObject({
    code: 'ServerUnavailable',
    message: expect.stringContaining('no answer in time'),
  });
  const stop = new AbortController();
  const asked = client.batch(UID, { signal: stop.signal });
  stop.abort(new Error('shut down'));
  await expect(asked).rejects.toThrow('shut down');
});

test('a token that is not there yet is worth another try', async () => {
  const client = new OperatorClient({ url: 'http://127.0.0.1:1', tokenFile: '/nonexistent/token' });
  expect(await failure(client.info(call))).toMatchObject({
    code: 'ServerUnavailable',
    message: expect.stringContaining('/nonexistent/token'),
  });
  await client[Symbol.asyncDispose]();
});

test.each(['', 'clawgym-server:8444', 'ftp://x'])('refuses the URL %j', (url) => {
  expect(() => new OperatorClient({ url, tokenFile: 't' })).toThrow(/expected http/);
});

test.each([
  ['whose answer has the rest of a later version', { protocol: [7, 6], version: '0.7.0' }],
  [
    'whose answer would fit',
    {
      ...{ protocol: [7, 6], version: '0.7.0', caBundle: 'PEM' },
      ...{ caDigest: 'a'.repeat(64), storeFull: false },
    },
  ],
])('does not work with a server of other versions, %s', async (_name, answer) => {
  const seen: unknown[] = [];
  const { client } = await pair(
    (request, response) => {
      seen.push(request.headers['clawgym-protocol']);
      response.end(JSON.stringify(answer));
    },
    { speaks: { protocol: [5], version: '0.5.0' } },
  );
  expect(await failure(client.info(call))).toMatchObject({
    code: 'ProtocolMismatch',
    message: expect.stringContaining('speaks 5, the server (release 0.7.0) 7 and 6') as unknown,
  });
  expect(seen).toEqual(['5 0.5.0']);
});

test('a server that refuses the version of the operator is asked again', async () => {
  const refusal = { code: 'ProtocolMismatch', message: 'speaks 5', retryable: true };
  const { client } = await pair(json(409, refusal));
  expect(await failure(client.finish(UID, call))).toMatchObject(refusal);
});

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { createServer } from 'node:tls';
import { expect, test } from 'vitest';
import { ScriptedListener } from '../../../test/support/scripted-listener.ts';
import { SERVER_HOST } from '../../protocol/pod-contract.ts';
import { makeAuthority, makeServing } from '../../server/tls/certificates.ts';
import { ListenerConnection } from './listener-connection.ts';

const HOUR_MS = 3_600_000;
const CALL = {
  ...({ method: 'POST', path: '/', headers: {}, body: Buffer.from('{}'), idleMs: 0 } as const),
  signal: new AbortController().signal,
};

test('says when the server has read the head, before there is an answer', async () => {
  const going = Promise.withResolvers<undefined>();
  await using listener = await ScriptedListener.start(() => going.promise);
  const connection = new ListenerConnection({ serverUrl: listener.url, ca: listener.ca });
  const taken = Promise.withResolvers<void>();
  const answer = connection.send({ ...CALL, onTaken: taken.resolve });
  await taken.promise;
  going.resolve(undefined);
  expect(await text(await answer)).toBe('{}');
  connection.close();
});

test('gives up a server that accepts the connection and reads nothing', async () => {
  const authority = await makeAuthority(Date.now(), HOUR_MS);
  const serving = await makeServing(authority, [SERVER_HOST], Date.now(), HOUR_MS);
  const server = createServer({ cert: serving.certificate, key: serving.key });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const serverUrl = `https://127.0.0.1:${port}`;
  const connection = new ListenerConnection({
    ...{ serverUrl, ca: authority.certificate, takenMs: 300 },
  });
  const taken: true[] = [];
  const sent = connection.send({ ...CALL, onTaken: () => void taken.push(true) });
  await expect(sent).rejects.toThrow('the server did not take the request within 0.3 s');
  expect(taken).toEqual([]);
  connection.close();
  server.close();
});

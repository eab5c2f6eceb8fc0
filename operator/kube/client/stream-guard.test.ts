import { once } from 'node:events';
import { type ClientHttp2Stream, connect } from 'node:http2';
import { expect, it, onTestFinished, vi } from 'vitest';
import {
  answer,
  type Script,
  ScriptedApiServer,
} from '../../../test/support/scripted-api-server.ts';
import { guardStreams } from './stream-guard.ts';

/** A session with one orphan: the answer to a request of which the server was not told the end. */
async function orphaned(script: Script) {
  const server = await ScriptedApiServer.start(script);
  onTestFinished(() => server[Symbol.asyncDispose]());
  const session = connect(server.url, { ca: server.connect.tls.ca });
  session.on('error', () => undefined);
  onTestFinished(() => session.destroy());
  await once(session, 'connect');
  const stream = session.request({ ':path': '/' });
  stream.close();
  stream.destroy();
  return { server, session };
}

it('frees an answer that belongs to no request', async () => {
  using _guard = guardStreams('elsewhere.example.com:443');
  const { server } = await orphaned((_request, stream) => {
    stream.respond({ ':status': 200 });
    stream.write('a watch that goes on');
  });
  await server.until(() => server.requests.length === 1);
  await server.until(() => server.openStreams === 0);
});

it('keeps the error of a connection from being thrown by such an answer', async () => {
  const uncaught = vi.fn();
  process.on('uncaughtExceptionMonitor', uncaught);
  onTestFinished(() => void process.off('uncaughtExceptionMonitor', uncaught));
  using _guard = guardStreams('elsewhere.example.com:443');
  const { server, session } = await orphaned((_request, stream) => answer(stream, 200));
  await server.until(() => server.requests.length === 1);
  const closed = Promise.withResolvers<void>();
  session.once('close', closed.resolve);
  session.ping(() => session.destroy(new Error('the connection broke')));
  await closed.promise;
  await new Promise(setImmediate);
  expect(uncaught).not.toHaveBeenCalled();
});

it('leaves pushed streams to a session that takes them', async () => {
  using _guard = guardStreams('elsewhere.example.com:443');
  const { session } = await orphaned((_request, stream) => answer(stream, 200));
  const taken = Promise.withResolvers<ClientHttp2Stream>();
  session.once('stream', taken.resolve);
  const stream = await taken.promise;
  await new Promise(setImmediate);
  expect(stream.destroyed).toBe(false);
});

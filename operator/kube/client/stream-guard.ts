import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type ClientHttp2Stream, constants } from 'node:http2';

/** Node tells here of every HTTP/2 stream of a client, inside the call that makes it. */
const STREAM_CREATED = 'http2.client.stream.created';

/**
 * Makes aborts of requests to `host` (`name:port`) safe, until it is disposed of. undici 8 closes an
 * aborted stream without a code and destroys it in the same call. Node resets a stream at once only
 * where the code is an error; without one it waits for the last byte of the request, which never
 * goes out any more. The server is then not told, and
 * - where a part of the body is unsent, the HTTP/2 library asks for it for ever: the event loop
 *   stands still and the memory grows;
 * - where the answer still comes, node makes an orphan, a stream that belongs to no request: the
 *   next error of the connection is thrown by it, uncaught, and ends the process.
 */
export function guardStreams(host: string): Disposable {
  const onCreated = (message: unknown): void => {
    const stream = streamOf(message);
    if (stream === undefined) return;
    if (isOrphan(stream)) dropOrphan(stream);
    else if (stream.sentHeaders?.[':authority'] === host) closeAsCancelled(stream);
  };
  subscribe(STREAM_CREATED, onCreated);
  return { [Symbol.dispose]: () => void unsubscribe(STREAM_CREATED, onCreated) };
}

function streamOf(message: unknown): ClientHttp2Stream | undefined {
  return typeof message === 'object' &&
    message !== null &&
    'stream' in message &&
    isStream(message.stream)
    ? message.stream
    : undefined;
}

function isStream(value: unknown): value is ClientHttp2Stream {
  return typeof value === 'object' && value !== null && 'rstCode' in value;
}

/** The server began it, and nobody takes pushed streams. */
function isOrphan(stream: ClientHttp2Stream): boolean {
  return stream.sentHeaders === undefined && stream.session?.listenerCount('stream') === 0;
}

function dropOrphan(stream: ClientHttp2Stream): void {
  stream.on('error', () => undefined);
  // Inside the reading of a frame a reset gets lost when the stream is destroyed with it.
  setImmediate(() => {
    stream.close(constants.NGHTTP2_CANCEL);
    stream.destroy();
  });
}

function closeAsCancelled(stream: ClientHttp2Stream): void {
  const close = stream.close.bind(stream);
  stream.close = (code, closed) => close(code || constants.NGHTTP2_CANCEL, closed);
}

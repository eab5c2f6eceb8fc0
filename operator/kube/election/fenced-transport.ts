import { isWrite, type KubeRequest, type Transport } from '../client/transport.ts';
import type { Leadership } from './leadership.ts';

/**
 * A transport whose writes are sent only while this process leads; others fail with `LeaseLost`.
 * Reads and dry runs pass. The lease itself is renewed over the inner transport, and events are best
 * written over it too: the last ones are written when the work, and with it the term, has ended.
 *
 * The check runs when the call is made and again synchronously before the bytes of each attempt are
 * handed to the connection (`KubeRequest.beforeSend`). A process that is stopped beyond its lease
 * at any other point therefore writes nothing when it wakes up.
 *
 * What remains: the process may be stopped after the second check and before the bytes have left it
 * (HTTP/2 and TLS hold them until the end of the tick: 0.1 ms in the median, `bench/fence-window.ts`),
 * or the bytes may wait in a socket buffer or in the API server for longer than the lease. A lease is
 * not a fence that the server knows of. So a write that must not come late also carries a lock that
 * the server checks: `metadata.resourceVersion`, a JSON Patch `test`, or `create` with a
 * deterministic name.
 */
export function fencedTransport(inner: Transport, leadership: Leadership): Transport {
  return {
    request: async (request) => inner.request(fenced(request, leadership)),
    stream: async (request) => inner.stream(fenced(request, leadership)),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };
}

function fenced(request: KubeRequest, leadership: Leadership): KubeRequest {
  if (!isWrite(request)) return request;
  const check = (): void => {
    leadership.check(`${request.method} ${request.path}`);
    request.beforeSend?.();
  };
  leadership.check(`${request.method} ${request.path}`);
  return { ...request, beforeSend: check };
}

import { describe, expect, test } from 'vitest';
import { KubeError } from '../base/kube-error.ts';
import type { KubeRequest, Transport } from '../client/transport.ts';
import { fencedTransport } from './fenced-transport.ts';

/** A transport that waits between the call and the sending, as for a token or a connection. */
function setUp() {
  const sent: string[] = [];
  const wait = Promise.withResolvers<void>();
  let disposed = false;
  const send = async (request: KubeRequest): Promise<void> => {
    await wait.promise;
    request.beforeSend?.();
    sent.push(`${request.method} ${request.path}`);
  };
  const inner: Transport = {
    request: send,
    stream: async (request) => {
      await send(request);
      return (async function* () {})();
    },
    [Symbol.asyncDispose]: async () => {
      disposed = true;
    },
  };
  const leadership = {
    lease: 'claw/operator',
    leading: true,
    check(action: string): void {
      if (!this.leading) throw new KubeError('LeaseLost', `${action}: not sent`);
    },
  };
  const request = (more: Partial<KubeRequest> = {}): KubeRequest => ({
    method: 'PUT',
    path: '/x',
    verb: 'replace',
    resource: 'xs',
    signal: new AbortController().signal,
    ...more,
  });
  const fenced = fencedTransport(inner, leadership);
  return { fenced, sent, leadership, request, release: wait.resolve, disposed: () => disposed };
}

const refused = expect.objectContaining({ code: 'LeaseLost', message: 'PUT /x: not sent' });

describe('the fence', () => {
  test('lets the writes of a leader pass', async () => {
    const { fenced, sent, request, release } = setUp();
    release();
    await fenced.request(request());
    expect(sent).toEqual(['PUT /x']);
  });

  test('refuses a write of a process that does not lead', async () => {
    const { fenced, sent, request, release, leadership } = setUp();
    leadership.leading = false;
    release();
    await expect(fenced.request(request())).rejects.toEqual(refused);
    await expect(fenced.stream(request())).rejects.toEqual(refused);
    expect(sent).toEqual([]);
  });

  test('refuses a write that was waiting to be sent when leadership ended', async () => {
    const { fenced, sent, request, release, leadership } = setUp();
    const pending = [fenced.request(request()), fenced.stream(request())];
    leadership.leading = false;
    release();
    for (const call of pending) await expect(call).rejects.toEqual(refused);
    expect(sent).toEqual([]);
  });

  test('lets reads and dry runs of anybody pass', async () => {
    const { fenced, sent, request, release, leadership } = setUp();
    leadership.leading = false;
    release();
    await fenced.request(request({ method: 'GET' }));
    await fenced.request(request({ query: { dryRun: 'All' } }));
    expect(sent).toEqual(['GET /x', 'PUT /x']);
  });

  test("keeps the caller's own check", async () => {
    const { fenced, sent, request, release } = setUp();
    release();
    const beforeSend = (): void => {
      throw new KubeError('Aborted', 'not now');
    };
    await expect(fenced.request(request({ beforeSend }))).rejects.toMatchObject({
      code: 'Aborted',
    });
    expect(sent).toEqual([]);
  });

  test('is disposed of with the transport inside', async () => {
    const { fenced, disposed } = setUp();
    await fenced[Symbol.asyncDispose]();
    expect(disposed()).toBe(true);
  });
});

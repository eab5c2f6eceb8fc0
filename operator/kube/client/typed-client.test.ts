import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { collected } from '../../../test/support/collected.ts';
import { zKubeObject } from '../objects/kube-object.ts';
import { defineResource } from '../objects/resource.ts';
import { createRequestMetrics } from './request-metrics.ts';
import type { InvalidObject } from './resource-client.ts';
import type { KubeRequest } from './transport.ts';
import { createKubeClient } from './typed-client.ts';

const maps = defineResource({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
  schema: zKubeObject.extend({ data: z.record(z.string(), z.string()).optional() }),
});
const { signal } = new AbortController();
const call = { signal, fieldManager: 'tests' };
const key = { namespace: 'ns', name: 'a' };

/** A client over answers given by the test: one for each request, and the chunks of one stream. */
function setUp(answers: readonly unknown[], chunks: readonly string[] = []) {
  const requests: KubeRequest[] = [];
  const registry = new Registry();
  const client = createKubeClient({
    metrics: createRequestMetrics(registry),
    transport: {
      request: async (request) => answers[requests.push(request) - 1],
      stream: async (request) => {
        requests.push(request);
        return (async function* () {
          for (const chunk of chunks) yield Buffer.from(chunk);
        })();
      },
      [Symbol.asyncDispose]: async () => undefined,
    },
  });
  return { requests, registry, maps: client.for(maps) };
}

const metadata = { ...key, resourceVersion: '7' };
const line = (type: string, object: unknown) => `${JSON.stringify({ type, object })}\n`;

describe('requests', () => {
  it('carry verb, path, content type and the queries of their options', async () => {
    const object = { metadata, kind: 'ConfigMap' };
    const { maps: client, requests } = setUp(Array.from({ length: 5 }, () => object));
    await client.apply({ metadata: key, data: { x: '1' } }, { ...call, force: true });
    await client.applyStatus({ metadata: key }, { ...call, dryRun: true });
    await client.patch(key, { type: 'merge', body: {} }, { ...call, subresource: 'status' });
    await client.patch(key, { type: 'json', operations: [] }, call);
    await client.delete(key, { signal, propagationPolicy: 'Orphan', preconditions: { uid: 'u' } });
    const path = '/api/v1/namespaces/ns/configmaps/a';
    const manager = { fieldManager: 'tests', fieldValidation: 'Strict' };
    expect(requests).toMatchObject([
      {
        method: 'PATCH',
        verb: 'apply',
        path,
        contentType: 'application/apply-patch+yaml',
        query: { ...manager, force: 'true', dryRun: undefined },
        body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: key, data: { x: '1' } },
      },
      {
        path: `${path}/status`,
        resource: 'configmaps/status',
        query: { ...manager, dryRun: 'All', force: undefined },
      },
      { path: `${path}/status`, verb: 'patch', contentType: 'application/merge-patch+json' },
      { path, contentType: 'application/json-patch+json', body: [] },
      {
        method: 'DELETE',
        path,
        body: { kind: 'DeleteOptions', propagationPolicy: 'Orphan', preconditions: { uid: 'u' } },
      },
    ]);
  });

  it('with an answer of another kind fail', async () => {
    const { maps: client } = setUp([{ kind: 'Status' }, 'text']);
    await expect(client.get(key, { signal })).rejects.toMatchObject({ code: 'InvalidAnswer' });
    await expect(client.get(key, { signal })).rejects.toMatchObject({ code: 'InvalidAnswer' });
  });
});

describe('pages', () => {
  const item = (name: string) => ({ metadata: { name, namespace: 'ns', managedFields: [{}] } });

  it('follow the token, ask for the version once, and fill in what list items lack', async () => {
    const { maps: client, requests } = setUp([
      {
        metadata: { resourceVersion: '9', continue: 't', remainingItemCount: 1 },
        items: [item('a')],
      },
      { metadata: { resourceVersion: '9', continue: '' }, items: [item('b')] },
    ]);
    const list = await client.list({ namespace: 'ns' }, { signal, resourceVersion: '5' });
    expect(list).toEqual({
      resourceVersion: '9',
      items: ['a', 'b'].map((name) => ({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name, namespace: 'ns' },
      })),
    });
    expect(requests.map(({ query }) => query)).toMatchObject([
      { limit: '500', resourceVersion: '5', resourceVersionMatch: 'NotOlderThan' },
      { limit: '500', continue: 't', resourceVersion: undefined, resourceVersionMatch: undefined },
    ]);
  });

  it('give the event loop a turn between each other', async () => {
    const { maps: client } = setUp([
      { metadata: { resourceVersion: '9', continue: 't' }, items: null },
      { metadata: { resourceVersion: '9' }, items: [] },
    ]);
    const order: string[] = [];
    for await (const page of client.pages({}, { signal })) {
      order.push(`page of ${page.items.length}`);
      setImmediate(() => order.push('turn'));
    }
    expect(order).toEqual(['page of 0', 'turn', 'page of 0']);
  });

  it.each([[{}], [{ items: [] }], ['text'], [{ metadata: { resourceVersion: '1' }, items: 1 }]])(
    'that are no list fail: %j',
    async (answer) => {
      const { maps: client } = setUp([answer]);
      await expect(client.list({}, { signal })).rejects.toMatchObject({ code: 'InvalidAnswer' });
    },
  );
});

describe('watches', () => {
  const options = { signal, resourceVersion: '7', serverTimeoutSeconds: 300 };

  it('ask for bookmarks and give events and bookmarks in order, across chunk borders', async () => {
    const object = { metadata: { ...metadata, managedFields: [{}] } };
    const end = { 'k8s.io/initial-events-end': 'true' };
    const text =
      line('ADDED', object) +
      line('BOOKMARK', { metadata: { resourceVersion: '8' } }) +
      line('BOOKMARK', { metadata: { resourceVersion: '9', annotations: end } });
    const { maps: client, requests } = setUp([], [text.slice(0, 20), text.slice(20)]);
    expect(await collected(client.watch({ labelSelector: 'a=b' }, options))).toEqual([
      { type: 'ADDED', object: { apiVersion: 'v1', kind: 'ConfigMap', metadata } },
      { type: 'BOOKMARK', resourceVersion: '8', initialEventsEnd: false },
      { type: 'BOOKMARK', resourceVersion: '9', initialEventsEnd: true },
    ]);
    expect(requests[0]?.query).toMatchObject({
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: '7',
      timeoutSeconds: '300',
      labelSelector: 'a=b',
    });
  });

  const status = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' };
  it.each([
    ['an ERROR event', line('ERROR', status), { code: 'Expired', httpStatus: 410 }],
    ['an ERROR without Status', line('ERROR', {}), { code: 'InvalidAnswer' }],
    ['a cut line', '{"type":"ADDED"', { code: 'InvalidAnswer', retryable: true }],
    ['a line that is no JSON', 'nonsense\n', { code: 'InvalidAnswer', retryable: true }],
    ['a line that is no object', '[]\n', { code: 'InvalidAnswer' }],
    ['an unknown type', line('MOVED', {}), { code: 'InvalidAnswer' }],
    ['a bookmark without version', line('BOOKMARK', {}), { code: 'InvalidAnswer' }],
  ])('fail on %s, after the events before it', async (_what, text, expected) => {
    const { maps: client } = setUp([], [line('ADDED', { metadata }) + text]);
    const seen: string[] = [];
    const reading = (async () => {
      for await (const event of client.watch({}, options)) seen.push(event.type);
    })();
    await expect(reading).rejects.toMatchObject(expected);
    expect(seen).toEqual(['ADDED']);
  });

  it('count bad lines', async () => {
    const { maps: client, registry } = setUp([], ['nonsense\n']);
    await collected(client.watch({}, options)).catch(() => undefined);
    expect(await registry.metrics()).toContain(
      'rest_client_bad_lines_total{resource="configmaps"} 1',
    );
  });

  it('tell of malformed objects, with what is known of them, and go on', async () => {
    const { maps: client } = setUp(
      [],
      [
        line('DELETED', { metadata, data: 1 }) +
          line('ADDED', { metadata: { name: 3 } }) +
          line('ADDED', null) +
          line('ADDED', { metadata }),
      ],
    );
    const told: InvalidObject[] = [];
    const onInvalid = (invalid: InvalidObject) => told.push(invalid);
    const events = await collected(client.watch({}, { ...options, onInvalid }));
    expect(events.map(({ type }) => type)).toEqual(['ADDED']);
    expect(told).toMatchObject([
      { key, resourceVersion: '7', event: 'DELETED', error: { code: 'InvalidObject' } },
      { key: undefined, resourceVersion: undefined, event: 'ADDED' },
      { key: undefined, event: 'ADDED' },
    ]);
  });

  it('end quietly once the signal aborts, also inside a line', async () => {
    const abort = new AbortController();
    const { maps: client } = setUp([], [line('ADDED', { metadata }).repeat(2), '{"type":']);
    let events = 0;
    for await (const _event of client.watch({}, { ...options, signal: abort.signal })) {
      events += 1;
      abort.abort();
    }
    expect(events).toBe(1);
  });

  it('give the event loop a turn in a burst', async () => {
    const { maps: client } = setUp([], [line('ADDED', { metadata }).repeat(250)]);
    let turns = 0;
    const turn = () => {
      turns += 1;
      pending = setImmediate(turn);
    };
    let pending = setImmediate(turn);
    await collected(client.watch({}, options));
    clearImmediate(pending);
    expect(turns).toBeGreaterThanOrEqual(2);
  });
});

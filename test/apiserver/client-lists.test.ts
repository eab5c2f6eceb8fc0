import { describe, expect, it, onTestFinished } from 'vitest';
import { isExpired, KubeError } from '../../operator/kube/base/kube-error.ts';
import type { InvalidObject } from '../../operator/kube/client/resource-client.ts';
import { collected } from '../support/collected.ts';
import { configMaps, layerClient, ownKind, ownNamespace } from '../support/layer-client.ts';

const { signal } = new AbortController();
const call = { signal, fieldManager: 'tests' };

async function setUp() {
  const connected = layerClient();
  onTestFinished(() => connected[Symbol.asyncDispose]());
  const namespace = await ownNamespace(connected.client, 'client-lists');
  // The controller manager puts one map of its own into each namespace.
  const mine = { namespace, labelSelector: 'of=test' };
  const maps = connected.client.for(configMaps);
  const make = (name: string, data: Record<string, string> = {}) =>
    maps.create({ metadata: { name, namespace, labels: { of: 'test' } }, data }, call);
  return { ...connected, namespace, mine, maps, make };
}

/** Config maps whose value `n` must be a number. */
const numbered = {
  ...configMaps,
  parse: (raw: unknown) => {
    const parsed = configMaps.parse(raw);
    if (/^\d+$/.test(parsed.data?.['n'] ?? '')) return parsed;
    throw new KubeError('InvalidObject', `${parsed.metadata.name}: data.n: expected a number`);
  },
};

describe('lists', () => {
  it('come page by page: 1,200 objects in three pages of one version', async () => {
    const { maps, make, mine } = await setUp();
    const names = Array.from({ length: 1_200 }, (_, i) => `m-${String(i).padStart(4, '0')}`);
    await Promise.all(names.map((name) => make(name)));
    const pages = await collected(maps.pages(mine, { signal }));
    expect(pages.map((page) => page.items.length)).toEqual([500, 500, 200]);
    expect(new Set(pages.map((page) => page.resourceVersion)).size).toBe(1);
    const items = pages.flatMap((page) => page.items);
    expect(items.map((item) => item.metadata.name)).toEqual(names);
    expect(new Set(items.map((item) => `${item.apiVersion} ${item.kind}`))).toEqual(
      new Set(['v1 ConfigMap']),
    );
    expect(items.filter((item) => 'managedFields' in item.metadata)).toEqual([]);
    const { items: whole, resourceVersion } = await maps.list(mine, { signal });
    expect(whole).toEqual(items);
    expect(Number(resourceVersion)).toBeGreaterThanOrEqual(Number(pages[0]?.resourceVersion));
  });

  it('count what is left where the server can tell', async () => {
    const { maps, make, namespace } = await setUp();
    await Promise.all(['a', 'b', 'c'].map((name) => make(name)));
    const options = { signal, limit: 2 };
    const [first] = await collected(maps.pages({ namespace }, options));
    expect(first?.remaining).toBeGreaterThanOrEqual(1);
  });

  it('read from the cache or not older than a version', async () => {
    const { maps, make, mine } = await setUp();
    const made = await make('a');
    const { resourceVersion = '' } = made.metadata;
    expect((await maps.list(mine, { signal, resourceVersion })).items).toEqual([made]);
    await expect
      .poll(async () => (await maps.list(mine, { signal, resourceVersion: '0' })).items)
      .toEqual([made]);
  });

  it('tell of a malformed object and give the others', async () => {
    const { client, make, mine, namespace, registry } = await setUp();
    await make('bad', { n: 'x' });
    const good = await make('good', { n: '1' });
    const told: InvalidObject[] = [];
    const onInvalid = (invalid: InvalidObject) => told.push(invalid);
    const list = await client.for(numbered).list(mine, { signal, onInvalid });
    expect(list.items).toEqual([good]);
    expect(told).toMatchObject([
      { key: { namespace, name: 'bad' }, event: undefined, error: { code: 'InvalidObject' } },
    ]);
    expect(await registry.metrics()).toContain(
      'rest_client_invalid_objects_total{resource="configmaps"} 1',
    );
    await expect(client.for(numbered).list(mine, { signal })).rejects.toMatchObject({
      code: 'InvalidObject',
    });
  });
});

describe('watches', () => {
  it('tell of each change in order, malformed objects beside the stream', async () => {
    const { client, maps, make, mine, namespace } = await setUp();
    const { resourceVersion } = await maps.list(mine, { signal });
    const told: InvalidObject[] = [];
    const events = client.for(numbered).watch(mine, {
      signal,
      resourceVersion,
      serverTimeoutSeconds: 60,
      onInvalid: (invalid) => told.push(invalid),
    });
    const change = async () => {
      const key = { namespace, name: 'a' };
      await make('a', { n: '1' });
      for (const n of ['x', '2'])
        await maps.patch(key, { type: 'merge', body: { data: { n } } }, call);
      await maps.delete(key, { signal });
    };
    const [seen] = await Promise.all([
      (async () => {
        const lines: string[] = [];
        for await (const event of events) {
          if (event.type === 'BOOKMARK') continue;
          lines.push(`${event.type} ${event.object.data?.['n']}`);
          if (event.type === 'DELETED') break;
        }
        return lines;
      })(),
      change(),
    ]);
    expect(seen).toEqual(['ADDED 1', 'MODIFIED 2', 'DELETED 2']);
    expect(told).toMatchObject([{ event: 'MODIFIED', key: { namespace, name: 'a' } }]);
  });

  it('from a version that the server forgot are expired', async () => {
    const { client, namespace } = await setUp();
    const things = client.for(await ownKind(client));
    const options = { signal, resourceVersion: '1', serverTimeoutSeconds: 60 };
    const events = things.watch({ namespace }, options);
    const thrown = await collected(events).catch((error: unknown) => error);
    expect(isExpired(thrown)).toBe(true);
  });

  it('end when the server ends them', async () => {
    const { maps, mine } = await setUp();
    const { resourceVersion } = await maps.list(mine, { signal });
    const options = { signal, resourceVersion, serverTimeoutSeconds: 1 };
    const events = await collected(maps.watch(mine, options));
    expect(events.filter((event) => event.type !== 'BOOKMARK')).toEqual([]);
  });
});

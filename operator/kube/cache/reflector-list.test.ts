import { describe, expect, it } from 'vitest';
import { configMap, page } from '../../../test/support/config-maps.ts';
import { ScriptedCache, watchingCache } from '../../../test/support/scripted-cache.ts';
import { KubeError } from '../base/kube-error.ts';

const gone = () => new KubeError('Expired', 'too old resource version', { httpStatus: 410 });
const internal = () => new KubeError('InternalError', 'etcd is away', { httpStatus: 500 });

describe('a list', () => {
  it('is read page by page, then watched from its version with a random server time-out', async () => {
    const scripted = new ScriptedCache({ selection: { labelSelector: 'x=y' } });
    scripted.client.lists.push([
      page('10', configMap('a', '1')),
      page('10', configMap('b', '2')),
      page('10'),
    ]);
    await scripted.start();
    expect(scripted.held).toEqual(['a@1', 'b@2']);
    expect(scripted.client.listCalls[0]?.options.limit).toBe(500);
    expect(scripted.client.listCalls[0]?.options.resourceVersion).toBeUndefined();
    expect(scripted.client.listCalls[0]?.selection).toEqual({ labelSelector: 'x=y' });
    expect(scripted.client.watching.selection).toEqual({ labelSelector: 'x=y' });
    expect(scripted.client.watching.options).toMatchObject({
      resourceVersion: '10',
      serverTimeoutSeconds: 450,
    });
    await scripted.stop();
  });

  it('that fails is tried again after 0.8 s, 1.6 s, 3.2 s … and their jitter, and syncs late', async () => {
    const scripted = new ScriptedCache();
    scripted.client.lists.push([internal()], [internal()], [internal()], [page('10')]);
    await scripted.start();
    for (const [waits, lists] of [
      [1_199, 1],
      [1, 2],
      [2_399, 2],
      [1, 3],
      [4_799, 3],
    ] as const) {
      await scripted.advance(waits);
      expect(scripted.client.listCalls).toHaveLength(lists);
    }
    expect(scripted.cache.synced).toBe(false);
    expect(scripted.client.watches).toHaveLength(0);
    await scripted.advance(1);
    expect(scripted.cache.synced).toBe(true);
    await scripted.stop();
  });

  it('waits as long as the server asks', async () => {
    const scripted = new ScriptedCache();
    const busy = new KubeError('TooManyRequests', 'busy', { retryAfterMs: 7_000 });
    scripted.client.lists.push([busy], [page('10')]);
    await scripted.start();
    await scripted.advance(6_999);
    expect(scripted.client.listCalls).toHaveLength(1);
    await scripted.advance(1);
    expect(scripted.cache.synced).toBe(true);
    await scripted.stop();
  });

  it('that breaks half way drops nothing, is not watched from, and is read from its start again', async () => {
    const scripted = await watchingCache();
    scripted.client.lists.push(
      [page('20', configMap('b', '15')), gone()],
      [page('30', configMap('b', '15'), configMap('c', '25'))],
    );
    scripted.client.watching.send(gone());
    await scripted.advance(1_200);
    expect(scripted.client.listCalls).toHaveLength(2);
    expect(scripted.held).toEqual(['a@1', 'b@15']);
    expect(scripted.cache.resourceVersion).toBe('10');
    await scripted.advance(2_400);
    expect(scripted.held).toEqual(['b@15', 'c@25']);
    expect(scripted.told).toEqual(['added a@1', 'added b@15', 'added c@25', 'deleted a@1?']);
    expect(scripted.client.watching.options.resourceVersion).toBe('30');
    await scripted.stop();
  });

  it('from the cache of the server goes on from the newest where that version is refused', async () => {
    const tooNew = new KubeError('Timeout', 'Too large resource version', {
      httpStatus: 504,
      causes: [{ reason: 'ResourceVersionTooLarge' }],
    });
    const scripted = new ScriptedCache({ listFrom: 'server-cache' });
    scripted.client.lists.push([page('10')], [tooNew], [page('30')]);
    await scripted.start();
    for (let failure = 0; failure < 5; failure += 1) {
      scripted.client.watching.send(internal());
      await scripted.advance(60_000);
    }
    const versions = scripted.client.listCalls.map(({ options }) => options.resourceVersion);
    expect(versions).toEqual(['0', '10', undefined]);
    scripted.client.watching.send(gone());
    await scripted.advance(60_000);
    expect(scripted.client.listCalls.at(-1)?.options.resourceVersion).toBeUndefined();
    expect(scripted.client.listCalls).toHaveLength(4);
    await scripted.stop();
  });

  it('leaves an object that does not fit in its last good state', async () => {
    const scripted = await watchingCache();
    const error = new KubeError('InvalidObject', 'data: expected a record');
    scripted.client.lists.push([
      (options) =>
        options.onInvalid?.({
          error,
          key: { namespace: 'default', name: 'a' },
          resourceVersion: '15',
          event: undefined,
        }),
      page('20', configMap('b', '16')),
    ]);
    scripted.client.watching.send(gone());
    await scripted.advance(1_200);
    expect(scripted.held).toEqual(['a@1', 'b@16']);
    expect(await scripted.metric('kube_cache_invalid_objects_total')).toBe(1);
    expect(scripted.logged.join()).toContain('data: expected a record');
    await scripted.stop();
  });
});

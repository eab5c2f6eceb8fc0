import { describe, expect, it } from 'vitest';
import { bookmark, configMap, event, page } from '../../../test/support/config-maps.ts';
import { changeText, ScriptedCache, settle } from '../../../test/support/scripted-cache.ts';
import { KubeError } from '../base/kube-error.ts';
import type { KubeObject } from '../objects/kube-object.ts';

async function running(
  options?: ConstructorParameters<typeof ScriptedCache>[0],
): Promise<ScriptedCache> {
  const scripted = new ScriptedCache(options);
  scripted.client.lists.push([page('10', configMap('a', '1'), configMap('b', '2'))]);
  await scripted.start();
  return scripted;
}

describe('a cache', () => {
  it('is synced after its whole first list, not before', async () => {
    const scripted = new ScriptedCache();
    const held = Promise.withResolvers<void>();
    const signal = AbortSignal.timeout(10_000);
    scripted.client.lists.push([page('10', configMap('a', '1')), held.promise, page('10')]);
    let synced = false;
    const waited = scripted.cache.whenSynced(signal).then(() => {
      synced = true;
    });
    await scripted.start();
    expect([synced, scripted.cache.synced]).toEqual([false, false]);
    held.resolve();
    await waited;
    expect(scripted.cache.synced).toBe(true);
    expect(scripted.cache.resourceVersion).toBe('10');
    await scripted.stop();
  });

  it('gives up waiting for its sync when the waiter is ended, with its reason', async () => {
    const scripted = new ScriptedCache();
    const end = new AbortController();
    const waited = scripted.cache.whenSynced(end.signal);
    end.abort(new Error('enough'));
    await expect(waited).rejects.toThrow('enough');
    await expect(scripted.cache.whenSynced(end.signal)).rejects.toThrow('enough');
  });

  it('refuses to be run twice', async () => {
    const scripted = await running();
    await expect(scripted.cache.run(AbortSignal.timeout(1_000))).rejects.toThrow(/ran already/);
    await scripted.stop();
  });

  it('marks what its first list held as initial, and nothing after', async () => {
    const scripted = await running();
    scripted.client.watching.send(event('ADDED', configMap('c', '11')));
    await settle();
    expect(scripted.changes.map((change) => change.type === 'added' && change.initial)).toEqual([
      true,
      true,
      false,
    ]);
    await scripted.stop();
  });

  it('tells a late handler what is there, each later change once, and nothing after its end', async () => {
    const scripted = await running();
    const told: string[] = [];
    const end = scripted.cache.subscribe((change) => told.push(changeText(change)));
    scripted.client.watching.send(event('MODIFIED', configMap('a', '11')));
    await settle();
    end();
    scripted.client.watching.send(event('MODIFIED', configMap('a', '12')));
    await settle();
    expect(told).toEqual(['added a@1', 'added b@2', 'updated a@11']);
    await scripted.stop();
  });

  it('tells a handler that was subscribed by a handler nothing twice', async () => {
    const scripted = await running();
    const told: string[] = [];
    const end = scripted.cache.subscribe((change) => {
      if (change.object.metadata.name !== 'c') return;
      end();
      scripted.cache.subscribe((later) => told.push(changeText(later)));
    });
    scripted.client.watching.send(event('ADDED', configMap('c', '11')));
    await settle();
    expect(told).toEqual(['added a@1', 'added b@2', 'added c@11']);
    await scripted.stop();
  });

  it('tells a handler that subscribes between a deletion and its successor nothing twice', async () => {
    const scripted = await running();
    const told: string[] = [];
    const end = scripted.cache.subscribe((change) => {
      if (change.type !== 'deleted') return;
      end();
      scripted.cache.subscribe((later) => told.push(changeText(later)));
    });
    scripted.client.watching.send(event('ADDED', configMap('a', '11', { uid: 'another' })));
    await settle();
    expect(told.toSorted()).toEqual(['added a@11', 'added b@2']);
    await scripted.stop();
  });

  it('tells a handler nothing more that another one has ended', async () => {
    const scripted = new ScriptedCache();
    const told: string[] = [];
    const ends: (() => void)[] = [];
    scripted.cache.subscribe(() => ends.pop()?.());
    ends.push(scripted.cache.subscribe((change) => told.push(changeText(change))));
    scripted.client.lists.push([page('10', configMap('a', '1'))]);
    await scripted.start();
    expect(told).toEqual([]);
    await scripted.stop();
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('handler broke');
      },
    ],
    ['rejects', () => Promise.reject(new Error('handler broke'))],
  ])('goes on when a handler %s, in the list and in the watch', async (_how, handler) => {
    const scripted = new ScriptedCache();
    scripted.cache.subscribe(handler as () => void);
    const told: string[] = [];
    scripted.cache.subscribe((change) => told.push(changeText(change)));
    scripted.client.lists.push([page('10', configMap('a', '1'))]);
    await scripted.start();
    scripted.client.watching.send(event('MODIFIED', configMap('a', '11')));
    await settle();
    expect(told).toEqual(['added a@1', 'updated a@11']);
    expect(await scripted.metric('kube_cache_handler_errors_total')).toBe(2);
    expect(scripted.client.watches).toHaveLength(1);
    await scripted.stop();
  });

  it('keeps of an object what the projection gives', async () => {
    const scripted = await running({
      project: ({ apiVersion, kind, metadata }) => ({ apiVersion, kind, metadata }),
    });
    scripted.client.watching.send(event('DELETED', configMap('a', '11')));
    await settle();
    expect(scripted.cache.list()[0]).not.toHaveProperty('data');
    expect(scripted.changes.at(-1)?.object).not.toHaveProperty('data');
    await scripted.stop();
  });

  it('reports an object on which an index function fails, and goes on', async () => {
    const invalid: string[] = [];
    const scripted = new ScriptedCache({
      indexes: {
        fragile: ({ metadata }) => {
          if (metadata.name === 'bad') throw new Error('no such field');
          return [metadata.name];
        },
      },
      onInvalid: ({ key, error }) => {
        invalid.push(`${key?.name}: ${error.message}`);
        throw new Error('even this');
      },
    });
    scripted.client.lists.push([page('10', configMap('bad', '1'), configMap('b', '2'))]);
    await scripted.start();
    scripted.client.watching.send(event('MODIFIED', configMap('bad', '11')), bookmark('12'));
    await settle();
    expect(scripted.held).toEqual(['b@2']);
    expect(invalid.join()).toContain('bad: configmaps: default/bad: an index function');
    expect(invalid).toHaveLength(2);
    expect(scripted.cache.leftOut).toEqual(['default/bad']);
    expect(scripted.cache.resourceVersion).toBe('12');
    await scripted.stop();
  });

  it('names what it left out until that can be read, is deleted or is not listed again', async () => {
    const fragile = ({ metadata: { resourceVersion } }: KubeObject) => {
      if (resourceVersion?.endsWith('9')) throw new Error('no such field');
      return [];
    };
    const scripted = new ScriptedCache({ indexes: { fragile } });
    const odd = ['a', 'b', 'c'].map((name) => configMap(name, '9'));
    scripted.client.lists.push([page('10', ...odd, configMap('d', '1'))]);
    await scripted.start();
    const leftOut = () => scripted.cache.leftOut;
    expect(leftOut()).toEqual(['default/a', 'default/b', 'default/c']);
    scripted.client.watching.send(event('MODIFIED', configMap('a', '11')));
    scripted.client.watching.send(event('DELETED', configMap('b', '12')));
    scripted.client.watching.send(event('MODIFIED', configMap('d', '19')));
    await settle();
    expect(leftOut()).toEqual(['default/c', 'default/d']);
    expect(scripted.held).toEqual(['a@11', 'd@1']);
    scripted.client.lists.push([page('30', configMap('a', '11'), configMap('d', '29'))]);
    scripted.client.watching.send(new KubeError('Expired', 'too old'));
    await scripted.advance(60_000);
    expect(leftOut()).toEqual(['default/d']);
    await scripted.stop();
  });

  it('takes a deletion on which the projection fails, once and counted', async () => {
    const scripted = await running({
      project: (object) => {
        if (object.metadata.resourceVersion === '11') throw new Error('no such field');
        return object;
      },
    });
    scripted.client.watching.send(event('DELETED', configMap('a', '11')), bookmark('12'));
    await settle();
    expect(scripted.held).toEqual(['b@2']);
    expect(scripted.told).toEqual(['added a@1', 'added b@2', 'deleted a@1?']);
    expect(scripted.cache.resourceVersion).toBe('12');
    expect(await scripted.metric('kube_cache_invalid_objects_total')).toBe(1);
    expect(scripted.logged.join()).toContain('default/a: a projection of the cache failed');
    expect(scripted.client.watches).toHaveLength(1);
    await scripted.stop();
  });

  it('finds objects by index as they change', async () => {
    const scripted = await running({ indexes: { version: versionOf } });
    scripted.client.watching.send(event('MODIFIED', configMap('a', '11')));
    await settle();
    expect(scripted.cache.byIndex('version', '1')).toEqual([]);
    expect(scripted.cache.byIndex('version', '11')).toHaveLength(1);
    await scripted.stop();
  });

  it('tells every object again so often as asked, as an update from itself', async () => {
    const scripted = await running({ resyncMs: 60_000 });
    scripted.changes.length = 0;
    await scripted.advance(60_000);
    expect(scripted.told).toEqual(['updated a@1', 'updated b@2']);
    const [change] = scripted.changes;
    expect(change?.type === 'updated' && change.previous === change.object).toBe(true);
    await scripted.stop();
    expect(scripted.clock.sleeping).toBe(0);
  });

  it('counts its lists, watches, events and objects, and when it last heard', async () => {
    const scripted = await running();
    await scripted.advance(3_000);
    scripted.client.watching.send(event('DELETED', configMap('a', '11')), bookmark('12'));
    await settle();
    expect(await scripted.metric('kube_cache_lists_total', { reason: 'start' })).toBe(1);
    expect(await scripted.metric('kube_cache_watches_total', { cache: 'configmaps' })).toBe(1);
    expect(await scripted.metric('kube_cache_events_total', { type: 'DELETED' })).toBe(1);
    expect(await scripted.metric('kube_cache_events_total', { type: 'BOOKMARK' })).toBe(1);
    expect(await scripted.metric('kube_cache_objects')).toBe(1);
    expect(await scripted.metric('kube_cache_last_heard_timestamp_seconds')).toBe(
      scripted.clock.now() / 1000,
    );
    await scripted.stop();
  });
});

const versionOf = (object: { metadata: { resourceVersion?: string | undefined } }) => [
  object.metadata.resourceVersion ?? '',
];

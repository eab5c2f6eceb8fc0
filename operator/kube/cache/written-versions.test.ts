import { describe, expect, it } from 'vitest';
import { bookmark, configMap, event, page } from '../../../test/support/config-maps.ts';
import { ScriptedCache, settle } from '../../../test/support/scripted-cache.ts';
import { KubeError } from '../base/kube-error.ts';
import { WrittenVersions } from './written-versions.ts';

const key = { namespace: 'default', name: 'batch' };

async function running() {
  const scripted = new ScriptedCache();
  scripted.client.lists.push([page('10', configMap('a', '1'))]);
  await scripted.start();
  return { scripted, written: new WrittenVersions(scripted.cache) };
}

describe('what was written', () => {
  it('holds a key back until the version of the cache has reached its newest write', async () => {
    const { scripted, written } = await running();
    written.record(key, configMap('child-1', '21'));
    written.record(key, configMap('child-0', '20'));
    expect(written.isBehind(key)).toBe(true);
    expect(written.isBehind({ namespace: 'default', name: 'other' })).toBe(false);
    scripted.client.watching.send(bookmark('20'));
    await settle();
    expect(written.isBehind(key)).toBe(true);
    scripted.client.watching.send(bookmark('21'));
    await settle();
    expect(written.isBehind(key)).toBe(false);
    expect(written.size).toBe(0);
    await scripted.stop();
  });

  it('compares versions as numbers beyond 2^53', async () => {
    const { scripted, written } = await running();
    written.record(key, configMap('child', '9007199254740993'));
    scripted.client.watching.send(bookmark('9007199254740992'));
    await settle();
    expect(written.isBehind(key)).toBe(true);
    scripted.client.watching.send(bookmark('10000000000000000'));
    await settle();
    expect(written.isBehind(key)).toBe(false);
    await scripted.stop();
  });

  it('is reached when the written object itself is there', async () => {
    const { scripted, written } = await running();
    written.record(key, configMap('child', '21'));
    scripted.client.watching.send(event('ADDED', configMap('child', '21')));
    await settle();
    expect(written.isBehind(key)).toBe(false);
    await scripted.stop();
  });

  it('is not taken as reached from one page of a list that lacks another write', async () => {
    const { scripted, written } = await running();
    const held = Promise.withResolvers<void>();
    const b = configMap('b', '12');
    scripted.client.lists.push(
      [page('20', b), new KubeError('InternalError', 'etcd is away')],
      [page('20', b), held.promise, page('20', configMap('z', '11'))],
    );
    written.record(key, configMap('z', '11'));
    written.record(key, b);
    scripted.client.watching.send(new KubeError('Expired', 'too old resource version'));
    await scripted.advance(1_200);
    expect([scripted.client.listCalls.length, scripted.held]).toEqual([2, ['a@1', 'b@12']]);
    expect(written.isBehind(key)).toBe(true);
    await scripted.advance(60_000);
    expect([scripted.client.listCalls.length, scripted.held]).toEqual([3, ['a@1', 'b@12']]);
    expect(written.isBehind(key)).toBe(true);
    held.resolve();
    await settle();
    expect(scripted.held).toEqual(['b@12', 'z@11']);
    expect(written.isBehind(key)).toBe(false);
    written.record(key, configMap('b', '21'));
    scripted.client.watching.send(event('MODIFIED', configMap('b', '21')));
    await settle();
    expect(written.isBehind(key)).toBe(false);
    await scripted.stop();
  });

  it('counts nothing as seen before the first list', () => {
    const written = new WrittenVersions(new ScriptedCache().cache);
    written.record(key, configMap('child', '1'));
    expect(written.isBehind(key)).toBe(true);
    written.forget(key);
    expect(written.isBehind(key)).toBe(false);
  });

  it('can be waited for, up to a deadline or the end', async () => {
    const { scripted, written } = await running();
    const { clock } = scripted;
    const end = new AbortController();
    const wait = { clock, signal: end.signal, timeoutMs: 1_000 };
    written.record(key, configMap('child', '21'));
    const tooLong = written.whenCurrent(key, wait);
    for (let step = 0; step < 100; step += 1) await scripted.advance(10);
    expect(await tooLong).toBe(false);
    const inTime = written.whenCurrent(key, wait);
    scripted.client.watching.send(bookmark('21'));
    await scripted.advance(10);
    expect(await inTime).toBe(true);
    written.record(key, configMap('child', '31'));
    const ended = written.whenCurrent(key, wait);
    end.abort(new Error('stop'));
    await expect(ended).rejects.toThrow('stop');
    await scripted.stop();
  });
});

import { describe, expect, it } from 'vitest';
import { bookmark, configMap, event, page } from '../../../test/support/config-maps.ts';
import { ScriptedCache, settle, watchingCache } from '../../../test/support/scripted-cache.ts';
import { KubeError } from '../base/kube-error.ts';

const gone = () => new KubeError('Expired', 'too old resource version', { httpStatus: 410 });
const broken = () => new KubeError('ConnectionFailed', 'socket hang up', { retryable: true });
const internal = () => new KubeError('InternalError', 'etcd is away', { httpStatus: 500 });

describe('a watch', () => {
  it('applies its events, and bookmarks move the version', async () => {
    const scripted = await watchingCache();
    scripted.client.watching.send(
      event('ADDED', configMap('b', '11')),
      event('MODIFIED', configMap('a', '12')),
      event('DELETED', configMap('b', '13')),
      bookmark('99'),
    );
    await settle();
    expect(scripted.told).toEqual(['added a@1', 'added b@11', 'updated a@12', 'deleted b@13']);
    expect(scripted.cache.resourceVersion).toBe('99');
    await scripted.stop();
  });

  it('that the server ends after more than 5 s goes on at once from the last version', async () => {
    const scripted = await watchingCache();
    await scripted.advance(5_001);
    scripted.client.watching.send(bookmark('40'), 'end');
    await settle();
    expect(scripted.client.watches).toHaveLength(2);
    expect(scripted.client.watching.options.resourceVersion).toBe('40');
    expect(scripted.client.listCalls).toHaveLength(1);
    await scripted.stop();
  });

  it('of a server that closes each after one event is opened ever more rarely', async () => {
    const scripted = await watchingCache();
    for (let second = 0; second < 60; second += 1) {
      scripted.client.watching.send(event('MODIFIED', configMap('a', `${100 + second}`)), 'end');
      await scripted.advance(1_000);
    }
    expect(scripted.client.watches.length).toBeLessThanOrEqual(7);
    await scripted.stop();
  });

  it('that ends in a burst of events goes on at once, again and again', async () => {
    const scripted = await watchingCache();
    const burst = (from: number) =>
      Array.from({ length: 10 }, (_, at) => event('MODIFIED', configMap('a', `${from + at}`)));
    for (let round = 0; round < 8; round += 1) {
      scripted.client.watching.send(...burst(100 + 10 * round), 'end');
      await scripted.advance(1);
    }
    expect(scripted.client.watches).toHaveLength(9);
    expect(scripted.client.watching.options.resourceVersion).toBe('179');
    expect(scripted.client.listCalls).toHaveLength(1);
    await scripted.stop();
  });

  it('begins the back-off anew after 2 minutes without trouble, or after one that lived', async () => {
    const scripted = await watchingCache();
    for (let failure = 0; failure < 4; failure += 1) {
      scripted.client.watching.send(broken());
      await scripted.advance(60_000);
    }
    await scripted.advance(5_001);
    scripted.client.watching.send(broken());
    await scripted.advance(1_200);
    expect(scripted.client.watches).toHaveLength(6);
    await scripted.stop();
  });

  it.each([
    ['a reset connection', broken()],
    ['429', new KubeError('TooManyRequests', 'busy', { httpStatus: 429 })],
    ['no answer in time', new KubeError('RequestTimeout', 'no answer')],
  ])('keeps its version over %s, however often', async (_name, error) => {
    const scripted = await watchingCache();
    scripted.client.watching.send(bookmark('50'));
    for (let failure = 0; failure < 20; failure += 1) {
      scripted.client.watching.send(error);
      await scripted.advance(60_000);
    }
    expect(scripted.client.watching.options.resourceVersion).toBe('50');
    expect(scripted.client.listCalls).toHaveLength(1);
    await scripted.stop();
  });

  it('waits as long as the server asks', async () => {
    const scripted = await watchingCache();
    scripted.client.watching.send(
      new KubeError('TooManyRequests', 'busy', { retryAfterMs: 9_000 }),
    );
    await scripted.advance(8_999);
    expect(scripted.client.watches).toHaveLength(1);
    await scripted.advance(1);
    expect(scripted.client.watches).toHaveLength(2);
    await scripted.stop();
  });

  it('that meets 410 lists again; a missed deletion is told once, with its last known state', async () => {
    const scripted = await watchingCache();
    scripted.client.watching.send(event('ADDED', configMap('b', '11')), gone());
    scripted.client.lists.push([page('30', configMap('b', '25'))]);
    await scripted.advance(1_200);
    expect(scripted.told).toEqual(['added a@1', 'added b@11', 'updated b@25', 'deleted a@1?']);
    expect(await scripted.metric('kube_cache_lists_total', { reason: 'expired' })).toBe(1);
    expect(scripted.client.watching.options.resourceVersion).toBe('30');
    await scripted.stop();
  });

  it('whose every try meets 410 does not list in a tight loop', async () => {
    const scripted = await watchingCache();
    for (let second = 0; second < 60; second += 1) {
      scripted.client.watches.at(-1)?.send(gone());
      await scripted.advance(1_000);
    }
    expect(scripted.client.listCalls.length).toBeLessThanOrEqual(7);
    await scripted.stop();
  });

  it('that meets other errors is logged, retried, and after five in a row listed again', async () => {
    const scripted = await watchingCache();
    for (let failure = 0; failure < 4; failure += 1) {
      scripted.client.watching.send(internal());
      await scripted.advance(60_000);
    }
    expect(scripted.client.listCalls).toHaveLength(1);
    expect(scripted.logged.join()).toContain('etcd is away');
    scripted.client.watching.send(internal());
    await scripted.advance(60_000);
    expect(scripted.client.listCalls).toHaveLength(2);
    expect(await scripted.metric('kube_cache_lists_total', { reason: 'repeated_errors' })).toBe(1);
    await scripted.stop();
  });

  it('does not list again for errors between which events came', async () => {
    const scripted = await watchingCache();
    for (let failure = 0; failure < 20; failure += 1) {
      scripted.client.watching.send(bookmark(`${100 + failure}`), internal());
      await scripted.advance(60_000);
    }
    expect(scripted.client.listCalls).toHaveLength(1);
    await scripted.stop();
  });

  it('with a cut line is counted and goes on from the last whole event', async () => {
    const scripted = await watchingCache();
    scripted.client.watching.send(
      event('ADDED', configMap('b', '11')),
      new KubeError('InvalidAnswer', 'a line is cut'),
    );
    await scripted.advance(1_200);
    expect(await scripted.metric('kube_cache_invalid_answers_total')).toBe(1);
    expect(scripted.client.watching.options.resourceVersion).toBe('11');
    expect(scripted.client.listCalls).toHaveLength(1);
    await scripted.stop();
  });

  it('that a mistake of ours ends is no answer that cannot be used', async () => {
    const scripted = await watchingCache();
    scripted.client.watching.send(new TypeError('undefined is not a function'));
    await scripted.advance(1_200);
    expect(await scripted.metric('kube_cache_failures_total', { at: 'watch' })).toBe(1);
    expect(await scripted.metric('kube_cache_invalid_answers_total')).toBe(0);
    await scripted.stop();
  });

  it('counts as opened once the server has answered it, not when it is tried', async () => {
    const scripted = await watchingCache();
    const opened = async () => scripted.metric('kube_cache_watches_total');
    expect(await opened()).toBe(0);
    for (let failure = 0; failure < 3; failure += 1) {
      scripted.client.watching.send(broken());
      await scripted.advance(60_000);
    }
    expect([scripted.client.watches.length, await opened()]).toEqual([4, 0]);
    scripted.client.watching.send(event('ADDED', configMap('b', '11')), bookmark('12'));
    await settle();
    expect(await opened()).toBe(1);
    await scripted.advance(5_001);
    scripted.client.watching.send('end');
    await settle();
    scripted.client.watching.send('end');
    await settle();
    expect(await opened()).toBe(2);
    await scripted.stop();
    expect(await opened()).toBe(2);
  });

  it('that is silent for the inactivity limit is ended and opened anew; events put it off', async () => {
    const scripted = await watchingCache();
    await scripted.advance(99_000);
    scripted.client.watching.send(bookmark('60'));
    await scripted.advance(99_000);
    expect(scripted.client.watching.options.signal.aborted).toBe(false);
    await scripted.advance(1_000);
    expect(scripted.client.watching.options.signal.aborted).toBe(true);
    await scripted.advance(1_200);
    expect(scripted.client.watches).toHaveLength(2);
    expect(scripted.client.watching.options.resourceVersion).toBe('60');
    await scripted.stop();
  });

  it('goes on past an object that does not fit; a deletion of one is taken', async () => {
    const scripted = await watchingCache();
    const invalid = (type: 'MODIFIED' | 'DELETED', version: string) => () =>
      scripted.client.watching.options.onInvalid?.({
        error: new KubeError('InvalidObject', 'data: expected a record'),
        key: { namespace: 'default', name: 'a' },
        resourceVersion: version,
        event: type,
      });
    scripted.client.watching.send(invalid('MODIFIED', '11'));
    await settle();
    expect(scripted.held).toEqual(['a@1']);
    expect(scripted.cache.resourceVersion).toBe('11');
    scripted.client.watching.send(invalid('DELETED', '12'), event('ADDED', configMap('c', '13')));
    await settle();
    expect(scripted.told).toEqual(['added a@1', 'deleted a@1?', 'added c@13']);
    await scripted.stop();
  });
});

describe('the end', () => {
  it('during a list opens no watch', async () => {
    const scripted = new ScriptedCache();
    const held = Promise.withResolvers<void>();
    scripted.client.lists.push([page('10', configMap('a', '1')), held.promise, page('10')]);
    await scripted.start();
    const stopped = scripted.stop();
    held.resolve();
    await stopped;
    expect(scripted.client.watches).toHaveLength(0);
    expect(scripted.cache.synced).toBe(false);
  });

  it('during a list that breaks off without a word drops nothing', async () => {
    const scripted = await watchingCache();
    const held = Promise.withResolvers<void>();
    scripted.client.lists.push([page('20', configMap('b', '15')), held.promise]);
    scripted.client.watching.send(gone());
    await scripted.advance(1_200);
    const stopped = scripted.stop();
    held.resolve();
    await stopped;
    expect(scripted.told).toEqual(['added a@1', 'added b@15']);
  });

  it('during a watch ends it, opens no other and leaves no timer', async () => {
    const scripted = await watchingCache();
    await scripted.stop();
    expect(scripted.client.watching.options.signal.aborted).toBe(true);
    await scripted.advance(1_000_000);
    expect(scripted.client.watches).toHaveLength(1);
    expect(scripted.clock.sleeping).toBe(0);
  });

  it('during a back-off lets nothing follow', async () => {
    const scripted = await watchingCache();
    scripted.client.watching.send(broken());
    await settle();
    await scripted.stop();
    await scripted.advance(1_000_000);
    expect(scripted.client.watches).toHaveLength(1);
    expect(scripted.clock.sleeping).toBe(0);
  });

  it('before the start lists nothing', async () => {
    const scripted = new ScriptedCache();
    const ended = AbortSignal.abort();
    await scripted.cache.run(ended);
    expect(scripted.client.listCalls).toHaveLength(0);
  });
});

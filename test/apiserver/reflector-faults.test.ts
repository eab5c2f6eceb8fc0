import { describe, expect, it } from 'vitest';
import type { BodyPosition, Fault } from '../support/fault-proxy/faults.ts';
import { listsOf, watchesOf } from '../support/fault-proxy/proxied-request.ts';
import { layerCluster } from '../support/layer-cluster.ts';
import { ReflectorBed } from '../support/reflector-bed.ts';

const { kubeconfigPath } = layerCluster();
const watches = watchesOf('configmaps');
const lists = listsOf('configmaps');

const beforeEvent = (type: string): BodyPosition => ({
  before: (line) => line.includes(`"type":"${type}"`),
});

let beds = 0;
const open = (
  objects?: readonly string[],
  options?: Parameters<typeof ReflectorBed.open>[3],
): Promise<ReflectorBed> => {
  beds += 1;
  return ReflectorBed.open(kubeconfigPath, `reflector-${process.pid}-${beds}`, objects, options);
};

describe('the list of a real server', () => {
  it('comes in pages of one version, and the watch begins there', async () => {
    const names = Array.from({ length: 12 }, (_, at) => `object-${at}`);
    await using bed = await open(names);
    await bed.sync();
    expect(bed.cache.list()).toHaveLength(12);
    expect(bed.lists).toHaveLength(3);
    expect(bed.watchedFrom).toEqual([bed.cache.resourceVersion]);
    expect(bed.watches[0]?.query.get('allowWatchBookmarks')).toBe('true');
    expect(Number(bed.watches[0]?.query.get('timeoutSeconds'))).toBeGreaterThanOrEqual(300);
    expect(Number(bed.watches[0]?.query.get('timeoutSeconds'))).toBeLessThanOrEqual(600);
  });

  it.each([500, 503, 410, 403])(
    'is tried again after an answer of %i, on any page',
    async (status) => {
      await using bed = await open(['a', 'b', 'c', 'd', 'e', 'f']);
      bed.proxy.inject({ match: lists, fault: { kind: 'status', status }, times: 1 });
      bed.proxy.inject({
        match: (request) => lists(request) && request.query.has('continue'),
        fault: { kind: 'status', status },
        times: 1,
      });
      await bed.sync();
      expect(bed.cache.list()).toHaveLength(6);
      expect(bed.changes).toHaveLength(6);
      expect(bed.lists).toHaveLength(5);
    },
  );

  it('waits for Retry-After', async () => {
    await using bed = await open();
    const fault: Fault = { kind: 'status', status: 429, retryAfterSeconds: 1 };
    bed.proxy.inject({ match: lists, fault, times: 1 });
    await bed.sync();
    const [first, second] = bed.lists;
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(990);
  });

  it('that is slow sees what changed meanwhile, by the watch from its version', async () => {
    await using bed = await open(['a', 'b', 'c', 'd', 'e', 'f']);
    bed.proxy.inject({
      match: (request) => lists(request) && request.query.has('continue'),
      fault: { kind: 'delay', ms: 500 },
    });
    bed.run();
    await bed.until('the second page is asked for', () => bed.lists.length === 2);
    await bed.write('f', '2');
    await bed.remove('a');
    await bed.write('g', '3');
    await bed.holds('g', '3');
    expect(bed.told.slice(-4)).toEqual(['added f@1', 'updated f@2', 'deleted a@1', 'added g@3']);
  });

  it('that is stopped half way is followed by no watch', async () => {
    await using bed = await open(['a', 'b', 'c', 'd', 'e', 'f']);
    bed.proxy.inject({
      match: (request) => lists(request) && request.query.has('continue'),
      fault: { kind: 'stall', when: 'request' },
    });
    bed.run();
    await bed.until('the second page is asked for', () => bed.lists.length === 2);
    await bed.stop();
    await bed.until('no request is open', () => bed.proxy.counts.openRequests === 0);
    expect(bed.watches).toHaveLength(0);
    expect(bed.cache.synced).toBe(false);
  });
});

describe('the watch of a real server', () => {
  it('follows another without a list where the server ends it, and moves on by bookmarks', async () => {
    await using bed = await open(['a'], {
      numbers: { watchSeconds: [4, 4], healthyAfterMs: 3_000 },
    });
    await bed.sync();
    const version = await bed.write('elsewhere', '1', {});
    await bed.until(
      'a bookmark passes that version',
      () => BigInt(bed.cache.resourceVersion ?? '0') >= BigInt(version),
    );
    expect(await bed.metric('kube_cache_events_total', { type: 'BOOKMARK' })).toBeGreaterThan(0);
    await bed.until('a second watch is open', () => bed.watches.length === 2);
    expect(BigInt(bed.watchedFrom[1] ?? '0')).toBeGreaterThanOrEqual(BigInt(version));
    expect(bed.lists).toHaveLength(1);
  });

  it('is opened ever more rarely where the server closes each after one event', async () => {
    await using bed = await open();
    bed.proxy.inject({ match: watches, fault: { kind: 'close', when: { events: 1 } } });
    await bed.sync();
    for (const number of ['2', '3', '4', '5', '6', '7']) await bed.write('a', number);
    await bed.holds('a', '7');
    const times = bed.watches.map(({ at }) => at);
    const pauses = times.slice(1).map((at, before) => at - (times[before] ?? 0));
    for (const [at, least] of [50, 100, 200, 400, 800].entries())
      expect(pauses[at]).toBeGreaterThanOrEqual(least - 5);
    expect(bed.lists).toHaveLength(1);
  });

  it.each<readonly [string, Fault]>([
    ['a reset connection', { kind: 'reset' }],
    ['a reset stream', { kind: 'reset', scope: 'stream' }],
    ['an end', { kind: 'close' }],
    ['GOAWAY', { kind: 'goaway' }],
    ['a cut line', { kind: 'truncate' }],
    ['a line that is not JSON', { kind: 'garbage' }],
    ['a silent stream', { kind: 'stall' }],
    ['a silent connection', { kind: 'stall', scope: 'connection' }],
  ])('loses nothing and lists nothing over %s before an event', async (_what, fault) => {
    await using bed = await open(['a', 'b'], { numbers: { inactivityMs: 1_500 } });
    await bed.sync();
    const [from] = bed.watchedFrom;
    bed.proxy.inject({
      match: watches,
      fault: { ...fault, when: beforeEvent('MODIFIED') } as Fault,
      times: 1,
    });
    await bed.write('a', '2');
    await bed.remove('b');
    await bed.write('c', '3');
    await bed.holds('c', '3');
    expect(bed.told.slice(2)).toEqual(['updated a@2', 'deleted b@1', 'added c@3']);
    expect(bed.lists).toHaveLength(1);
    expect(bed.watchedFrom).toEqual([from, from]);
  });

  it('that is cut inside a line is counted', async () => {
    await using bed = await open();
    await bed.sync();
    bed.proxy.inject({
      match: watches,
      fault: { kind: 'truncate', when: beforeEvent('MODIFIED') },
      times: 2,
    });
    await bed.write('a', '2');
    await bed.holds('a', '2');
    expect(await bed.metric('kube_cache_invalid_answers_total')).toBe(2);
  });

  it('tells an event once that comes twice', async () => {
    await using bed = await open();
    await bed.sync();
    bed.proxy.inject({ match: watches, fault: { kind: 'duplicate', when: { chance: 1 } } });
    await bed.write('a', '2');
    await bed.remove('a');
    await bed.write('b');
    await bed.holds('b', '1');
    expect(bed.told).toEqual(['added a@1', 'updated a@2', 'deleted a@2', 'added b@1']);
  });

  it.each<Fault>([
    { kind: 'status', status: 500 },
    { kind: 'status', status: 503 },
    { kind: 'status', status: 401 },
  ])('is opened again after an answer of $status, from the same version', async (fault) => {
    await using bed = await open();
    await bed.sync();
    const [from] = bed.watchedFrom;
    bed.proxy.inject({ match: watches, fault, times: 2 });
    bed.proxy.resetConnections();
    await bed.write('a', '2');
    await bed.holds('a', '2');
    expect(new Set(bed.watchedFrom)).toEqual(new Set([from]));
    expect(bed.lists).toHaveLength(1);
  });

  it('waits for Retry-After', async () => {
    await using bed = await open();
    await bed.sync();
    const fault: Fault = { kind: 'status', status: 429, retryAfterSeconds: 1 };
    bed.proxy.inject({ match: watches, fault, times: 1 });
    bed.proxy.resetConnections();
    await bed.write('a', '2');
    await bed.holds('a', '2');
    const [refused, opened] = bed.watches.slice(-2);
    expect((opened?.at ?? 0) - (refused?.at ?? 0)).toBeGreaterThanOrEqual(990);
    expect(bed.lists).toHaveLength(1);
  });

  it('comes back when the server was away', async () => {
    await using bed = await open();
    await bed.sync();
    await bed.proxy.refuse();
    await bed.write('a', '2');
    await bed.until(
      'it was tried',
      async () =>
        (await bed.metric('kube_cache_failures_total', { code: 'ConnectionFailed' })) >= 3,
    );
    await bed.proxy.accept();
    await bed.holds('a', '2');
    expect(bed.lists).toHaveLength(1);
  });

  it.each<Fault>([
    { kind: 'error-event', status: 410, when: beforeEvent('DELETED') },
    { kind: 'status', status: 410 },
  ])(
    'lists again after 410 ($kind) and tells a missed deletion once, with its last state',
    async (fault) => {
      await using bed = await open(['a', 'b']);
      await bed.sync();
      await bed.write('b', '7');
      await bed.holds('b', '7');
      bed.proxy.inject({ match: watches, fault, times: 1 });
      if (fault.kind === 'status') await bed.proxy.refuse();
      await bed.remove('b');
      await bed.write('a', '2');
      await bed.proxy.accept();
      await bed.holds('b', undefined);
      await bed.write('c', '3');
      await bed.holds('c', '3');
      expect(bed.told.slice(3)).toEqual(['updated a@2', 'deleted b@7?', 'added c@3']);
      expect(bed.lists).toHaveLength(2);
      expect(await bed.metric('kube_cache_lists_total', { reason: 'expired' })).toBe(1);
    },
  );

  it('tells of a deletion and the new object where a name came back unseen', async () => {
    await using bed = await open(['a']);
    await bed.sync();
    bed.proxy.inject({
      match: watches,
      fault: { kind: 'error-event', status: 410, when: beforeEvent('DELETED') },
      times: 1,
    });
    bed.proxy.inject({ match: lists, fault: { kind: 'delay', ms: 300 } });
    await bed.remove('a');
    await bed.write('a', '2');
    await bed.holds('a', '2');
    expect(bed.told).toEqual(['added a@1', 'deleted a@1?', 'added a@2']);
  });

  it('says of other errors in the stream what they are, and lists after five in a row', async () => {
    await using bed = await open();
    await bed.sync();
    const fault: Fault = { kind: 'error-event', status: 500, message: 'etcdserver: no leader' };
    bed.proxy.inject({ match: watches, fault, times: 5 });
    await bed.until('it has listed again', () => bed.lists.length === 2);
    await bed.write('a', '2');
    await bed.holds('a', '2');
    expect(bed.logged.filter((line) => line.includes('etcdserver: no leader'))).toHaveLength(5);
    // A list is counted when all of it is in, and its objects are there before.
    const listed = () => bed.metric('kube_cache_lists_total', { reason: 'repeated_errors' });
    await bed.until('the list is counted', async () => (await listed()) === 1);
  });

  it('goes on past an object that does not fit, keeps its last good state, and reports it', async () => {
    const reported: string[] = [];
    await using bed = await open(['a', 'b'], {
      onInvalid: ({ key, error }) => reported.push(`${key?.name} ${error.message}`),
    });
    await bed.sync();
    await bed.write('a', 'many');
    await bed.write('b', '2');
    await bed.holds('b', '2');
    bed.proxy.inject({ match: watches, fault: { kind: 'error-event', status: 410 }, times: 1 });
    await bed.until('it has listed again', () => bed.lists.length === 2 && bed.watches.length > 1);
    await bed.holds('a', '1');
    expect(await bed.metric('kube_cache_invalid_objects_total')).toBe(2);
    expect(reported).toHaveLength(2);
    expect(reported[0]).toMatch(/^a .*data\.number/);
    await bed.remove('a');
    await bed.holds('a', undefined);
    expect(bed.told.slice(2)).toEqual(['updated b@2', 'deleted a@1?']);
  });

  it('tells of an object that leaves the selection', async () => {
    await using bed = await open();
    await bed.sync();
    await bed.write('a', '1', { bed: 'other' });
    await bed.holds('a', undefined);
    expect(bed.told).toEqual(['added a@1', 'deleted a@1']);
  });

  it('is ended with its cache, which leaves no request open and opens none', async () => {
    await using bed = await open();
    await bed.sync();
    const { requests } = bed.proxy.counts;
    await bed.stop();
    await bed.until('no request is open', () => bed.proxy.counts.openRequests === 0);
    await bed.write('a', '2');
    expect(bed.proxy.counts.requests).toBe(requests);
    expect(bed.told).toEqual(['added a@1']);
  });
});

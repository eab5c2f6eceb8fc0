import { describe, expect, test } from 'vitest';
import { childName } from '../../operator/kube/objects/child-names.ts';
import { controllerRef, isControlledBy } from '../../operator/kube/objects/owner-references.ts';
import { CrashTransport } from '../support/crash-transport.ts';
import { EchoBed } from '../support/echo/bed.ts';
import type { ConfigMap } from '../support/echo/kinds.ts';
import { HeldTransport } from '../support/held-transport.ts';
import { layerCluster } from '../support/layer-cluster.ts';

const open = async (): Promise<EchoBed> => EchoBed.open(layerCluster().kubeconfigPath);
const uids = (maps: readonly ConfigMap[]) => maps.map((map) => map.metadata.uid);
const texts = (maps: readonly ConfigMap[]) => maps.map((map) => map.data?.['text']);
const LIMIT = { timeout: 30_000, interval: 30 };
/** The garbage collector looks for new kinds every 30 s only. */
const COLLECTED = { timeout: 60_000, interval: 100 };

describe('an Echo', () => {
  test('gets its copies, its archive, its finalizer, its status and its events', async () => {
    await using bed = await open();
    await using _life = bed.start();
    await bed.say('hello', 'hi', 3);
    await expect.poll(() => bed.echoed('hello'), LIMIT).toBe(true);
    const [echo, copies] = [await bed.get('hello'), await bed.copies('hello')];
    if (echo === undefined) throw new Error('no Echo');
    expect(copies.map((map) => map.metadata.ownerReferences)).toEqual(
      Array.from({ length: 3 }, () => [controllerRef(echo)]),
    );
    expect(texts(await bed.archive())).toEqual(['hi']);
    expect(echo.metadata.finalizers).toEqual(['test.example.com/archive']);
    expect(echo.status).toMatchObject({
      ready: 3,
      conditions: [
        { type: 'Ready', status: 'True', observedGeneration: 1, message: '3 of 3 copies' },
      ],
    });
    await expect.poll(() => bed.eventReasons('hello'), LIMIT).toContain('Echoed');
  });

  test('that says otherwise has its copies changed in place', async () => {
    await using bed = await open();
    await using _life = bed.start();
    await bed.say('hello', 'hi', 3);
    await expect.poll(() => bed.echoed('hello'), LIMIT).toBe(true);
    const before = await bed.copies('hello');
    await bed.say('hello', 'bye', 3);
    await expect.poll(() => bed.echoed('hello'), LIMIT).toBe(true);
    const after = await bed.copies('hello');
    expect(texts(after)).toEqual(['bye', 'bye', 'bye']);
    expect(uids(after)).toEqual(uids(before));
    await expect.poll(async () => texts(await bed.archive()), LIMIT).toEqual(['bye']);
  });

  test('that wants fewer keeps the first ones; wanting none keeps none', async () => {
    await using bed = await open();
    await using _life = bed.start();
    await bed.say('hello', 'hi', 3);
    await expect.poll(() => bed.echoed('hello'), LIMIT).toBe(true);
    const before = await bed.copies('hello');
    await bed.say('hello', 'hi', 2);
    await expect.poll(() => bed.echoed('hello'), LIMIT).toBe(true);
    expect(uids(await bed.copies('hello'))).toEqual(uids(before).slice(0, 2));
    await bed.say('hello', 'hi', 0);
    await expect.poll(() => bed.echoed('hello'), LIMIT).toBe(true);
  });

  test('is quiet once all is there: a change that means nothing makes no write', async () => {
    await using bed = await open();
    const transport = new CrashTransport(bed.transport, { at: undefined, moment: 'after' });
    await using _life = bed.start(transport);
    await bed.say('hello', 'hi', 2);
    await expect.poll(() => bed.echoed('hello'), LIMIT).toBe(true);
    const writes = [...transport.writes];
    const [echo] = [await bed.get('hello')];
    await bed.echoes.patch(
      { namespace: bed.namespace, name: 'hello' },
      { type: 'merge', body: { metadata: { annotations: { seen: 'yes' } } } },
      bed.call,
    );
    // A second Echo is dealt with after the first one's change was.
    await bed.say('other', 'hi', 1);
    await expect.poll(() => bed.echoed('other'), LIMIT).toBe(true);
    expect(transport.writes.slice(writes.length)).toEqual([
      'patch echoes',
      'apply configmaps',
      'create configmaps',
      'apply echoes/status',
      'apply echoes/status',
    ]);
    expect((await bed.get('hello'))?.status).toEqual(echo?.status);
  });
});

describe('a copy', () => {
  test('that somebody edits or deletes comes back', async () => {
    await using bed = await open();
    await using _life = bed.start();
    await bed.say('hello', 'hi', 3);
    await expect.poll(() => bed.echoed('hello'), LIMIT).toBe(true);
    const [edited, lost] = await bed.copies('hello');
    if (edited === undefined || lost === undefined) throw new Error('no copies');
    const patch = { type: 'merge', body: { data: { text: 'mine' } } } as const;
    await bed.maps.patch(edited.metadata, patch, bed.call);
    await bed.maps.delete(lost.metadata, bed.call);
    await expect.poll(() => bed.echoed('hello'), LIMIT).toBe(true);
    const after = await bed.copies('hello');
    expect(after[0]?.metadata.uid).toBe(edited.metadata.uid);
    expect(after[1]?.metadata.uid).not.toBe(lost.metadata.uid);
  });

  test('whose name somebody else has is neither taken nor changed, and comes when it is free', async () => {
    await using bed = await open();
    const echo = await bed.say('hello', 'hi', 2);
    const name = childName(echo.metadata, 1);
    const metadata = { name, namespace: bed.namespace };
    const foreign = await bed.maps.create({ metadata, data: { text: 'mine' } }, bed.call);
    await using _life = bed.start();
    await expect.poll(async () => bed.copies('hello'), LIMIT).toHaveLength(1);
    expect(await bed.maps.get(metadata, bed.call)).toEqual(foreign);
    await bed.maps.delete(metadata, bed.call);
    await expect.poll(() => bed.echoed('hello'), LIMIT).toBe(true);
  });
});

describe('a deleted Echo', () => {
  test.each(['Background', 'Foreground'] as const)(
    'takes its copies and its archive along: %s',
    async (policy) => {
      await using bed = await open();
      await using _life = bed.start();
      await bed.say('hello', 'hi', 3);
      await expect.poll(() => bed.echoed('hello'), LIMIT).toBe(true);
      await bed.remove('hello', policy);
      await expect.poll(() => bed.gone('hello'), COLLECTED).toBe(true);
    },
  );

  test('waits for its controller, and comes anew under its name with copies of its own', async () => {
    await using bed = await open();
    await bed.say('hello', 'hi', 2);
    {
      await using _life = bed.start();
      await expect.poll(() => bed.echoed('hello'), LIMIT).toBe(true);
    }
    const before = await bed.copies('hello');
    await bed.remove('hello');
    expect((await bed.get('hello'))?.metadata.deletionTimestamp).toBeDefined();
    await using _life = bed.start();
    await expect.poll(() => bed.get('hello'), LIMIT).toBe(undefined);
    const echo = await bed.say('hello', 'again', 2);
    const own = async () =>
      (await bed.copies('hello')).filter((copy) => isControlledBy(copy, echo));
    await expect.poll(async () => texts(await own()), LIMIT).toEqual(['again', 'again']);
    for (const copy of await own()) expect(uids(before)).not.toContain(copy.metadata.uid);
  });
});

describe('no copy is made twice', () => {
  test('by two controllers at once', async () => {
    await using bed = await open();
    await using _one = bed.start();
    await using _two = bed.start();
    const names = ['a', 'b', 'c', 'd'];
    for (const [text, copies] of [
      ['one', 4],
      ['two', 6],
      ['three', 3],
    ] as const) {
      await Promise.all(names.map(async (name) => bed.say(name, text, copies)));
      for (const name of names) {
        await expect.poll(() => bed.echoed(name), LIMIT).toBe(true);
        expect(await bed.copies(name)).toHaveLength(copies);
      }
    }
  });

  test('by a controller whose caches stand still', async () => {
    await using bed = await open();
    await using held = new HeldTransport(bed.transport);
    const counted = new CrashTransport(held, { at: undefined, moment: 'after' });
    await using _life = bed.start(counted);
    await bed.say('first', 'hi', 1);
    await expect.poll(() => bed.echoed('first'), LIMIT).toBe(true);
    await bed.say('hello', 'hi', 3);
    await expect.poll(() => bed.copies('hello'), LIMIT).not.toHaveLength(0);
    held.hold();
    // Its own writes are not in its caches: it must not act on what it sees there.
    await expect.poll(() => bed.copies('hello'), LIMIT).toHaveLength(3);
    const writes = counted.writes.filter((write) => write === 'create configmaps');
    expect(writes).toHaveLength(4);
    held.letGo();
    await expect.poll(() => bed.echoed('hello'), LIMIT).toBe(true);
    expect(counted.writes.filter((write) => write === 'create configmaps')).toHaveLength(4);
  });

  test('by one that sees an old Echo while another one works', async () => {
    await using bed = await open();
    await using held = new HeldTransport(bed.transport);
    await using _stale = bed.start(held);
    await bed.say('hello', 'hi', 3);
    await expect.poll(() => bed.echoed('hello'), LIMIT).toBe(true);
    held.hold();
    await using _current = bed.start();
    await bed.say('hello', 'bye', 1);
    await expect.poll(() => bed.echoed('hello'), LIMIT).toBe(true);
    held.letGo();
    await bed.say('hello', 'so', 2);
    await expect.poll(() => bed.echoed('hello'), LIMIT).toBe(true);
    expect(await bed.copies('hello')).toHaveLength(2);
  });
});

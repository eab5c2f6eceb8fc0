import { describe, expect, test } from 'vitest';
import { systemClock } from '../../operator/kube/base/clock.ts';
import { silentLogger } from '../../operator/kube/base/logger.ts';
import { createKubeClient } from '../../operator/kube/client/typed-client.ts';
import {
  adopt,
  controllerRef,
  isControlledBy,
} from '../../operator/kube/objects/owner-references.ts';
import { createOwned } from '../../operator/kube/writes/create-owned.ts';
import { deleteObject } from '../../operator/kube/writes/delete-object.ts';
import { EventRecorder } from '../../operator/kube/writes/event-recorder.ts';
import { events } from '../../operator/kube/writes/event-resource.ts';
import { addFinalizer, removeFinalizer } from '../../operator/kube/writes/finalizers.ts';
import { StatusWriter } from '../../operator/kube/writes/status-writer.ts';
import { EchoBed } from '../support/echo/bed.ts';
import type { ConfigMap } from '../support/echo/kinds.ts';
import { layerCluster } from '../support/layer-cluster.ts';

const MINE = 'test.example.com/mine';
const OTHER = 'test.example.com/other';
const open = async (): Promise<EchoBed> => EchoBed.open(layerCluster().kubeconfigPath);

async function make(bed: EchoBed, name: string, metadata: object = {}): Promise<ConfigMap> {
  return bed.maps.create({ metadata: { name, namespace: bed.namespace, ...metadata } }, bed.call);
}

/** Somebody else changes the object. */
async function touch(bed: EchoBed, object: ConfigMap, metadata: object): Promise<ConfigMap> {
  return bed.maps.patch(object.metadata, { type: 'merge', body: { metadata } }, bed.call);
}

describe('finalizers', () => {
  test('are added and removed beside those of others', async () => {
    await using bed = await open();
    const plain = await make(bed, 'a');
    const one = await addFinalizer(bed.maps, plain, OTHER, bed.call);
    const two = await addFinalizer(bed.maps, one, MINE, bed.call);
    expect(two.metadata.finalizers).toEqual([OTHER, MINE]);
    await removeFinalizer(bed.maps, two, OTHER, bed.call);
    const left = await bed.maps.get(two.metadata, bed.call);
    expect(left.metadata.finalizers).toEqual([MINE]);
    await removeFinalizer(bed.maps, left, MINE, bed.call);
    await removeFinalizer(bed.maps, plain, MINE, bed.call);
  });

  test('do not overwrite what changed meanwhile: the API server refuses, and that is a conflict', async () => {
    await using bed = await open();
    const plain = await make(bed, 'a');
    await touch(bed, plain, { finalizers: [OTHER] });
    const add = addFinalizer(bed.maps, plain, MINE, bed.call);
    await expect(add).rejects.toMatchObject({ code: 'Conflict' });
    const both = await touch(bed, plain, { finalizers: [MINE, OTHER] });
    await touch(bed, plain, { finalizers: [OTHER, MINE] });
    const remove = removeFinalizer(bed.maps, both, MINE, bed.call);
    await expect(remove).rejects.toMatchObject({ code: 'Conflict' });
    await touch(bed, plain, { finalizers: [] });
  });

  test('pass by labels that changed meanwhile', async () => {
    await using bed = await open();
    const mine = await make(bed, 'a', { finalizers: [MINE] });
    await touch(bed, mine, { labels: { a: '1' } });
    await removeFinalizer(bed.maps, mine, MINE, bed.call);
    const left = await bed.maps.get(mine.metadata, bed.call);
    expect(left.metadata.finalizers).toBe(undefined);
  });
});

test('an object that was created anew under its name is not deleted, finalized or written', async () => {
  await using bed = await open();
  const old = await make(bed, 'a', { finalizers: [MINE] });
  await removeFinalizer(bed.maps, old, MINE, bed.call);
  await deleteObject(bed.maps, old, bed.call);
  await deleteObject(bed.maps, old, bed.call);
  const anew = await make(bed, 'a', { finalizers: [MINE] });
  const conflict = { code: 'Conflict' };
  await expect(deleteObject(bed.maps, old, bed.call)).rejects.toMatchObject(conflict);
  await expect(removeFinalizer(bed.maps, old, MINE, bed.call)).rejects.toMatchObject(conflict);
  await removeFinalizer(bed.maps, anew, MINE, bed.call);

  const echo = await bed.say('hello', 'hi', 0);
  await bed.remove('hello');
  await bed.say('hello', 'hi', 0);
  const writer = new StatusWriter({
    client: bed.echoes,
    fieldManager: 'tests',
    clock: systemClock,
  });
  const write = writer.write(echo, { ready: 7 }, bed.call.signal);
  await expect(write).rejects.toMatchObject(conflict);
  expect((await bed.get('hello'))?.status).toBe(undefined);
});

test('a status that is drawn from an old view is a conflict, one from the newest is written', async () => {
  await using bed = await open();
  const options = { client: bed.echoes, fieldManager: 'tests', minIntervalMs: 0 };
  const writer = new StatusWriter({ ...options, clock: systemClock });
  const old = await bed.say('hello', 'hi', 1);
  const current = await bed.say('hello', 'bye', 1);
  const stale = writer.write(old, { ready: 7 }, bed.call.signal);
  await expect(stale).rejects.toMatchObject({ code: 'Conflict' });
  const write = await writer.write(current, { ready: 1 }, bed.call.signal);
  if (write.kind !== 'written') throw new Error(write.kind);
  const again = await writer.write(write.object, { ready: 2 }, bed.call.signal);
  expect(again).toMatchObject({ kind: 'written', object: { status: { ready: 2 } } });
});

test('a child is created once, adopted only by a living owner, never taken from another', async () => {
  await using bed = await open();
  const [owner, other] = [await make(bed, 'owner'), await make(bed, 'other')];
  const child = {
    metadata: {
      name: 'child',
      namespace: bed.namespace,
      ownerReferences: [controllerRef(owner)],
    },
  };
  const first = await createOwned(bed.maps, child, owner, bed.call);
  const second = await createOwned(bed.maps, child, owner, bed.call);
  expect(second.metadata.uid).toBe(first.metadata.uid);
  const stolen = createOwned(bed.maps, child, other, bed.call);
  await expect(stolen).rejects.toMatchObject({ code: 'NotOwned' });

  const orphan = await make(bed, 'orphan');
  const adopted = await adopt(bed.maps, orphan, bed.maps, owner, bed.call);
  expect(isControlledBy(adopted, owner)).toBe(true);
  const late = adopt(bed.maps, orphan, bed.maps, other, bed.call);
  await expect(late).rejects.toMatchObject({ code: 'Conflict' });
  const lost = await make(bed, 'lost');
  await bed.maps.delete(other.metadata, bed.call);
  await expect(adopt(bed.maps, lost, bed.maps, other, bed.call)).rejects.toMatchObject({
    code: 'NotFound',
  });
});

test('events are taken by the API server, as a series too', async () => {
  await using bed = await open();
  const client = createKubeClient({ transport: bed.transport }).for(events);
  const recorder = new EventRecorder({
    events: client,
    reportingController: 'test.example.com/tests',
    reportingInstance: 'test-1',
    fieldManager: 'tests',
    clock: systemClock,
    logger: silentLogger,
    seriesIntervalMs: 0,
  });
  const stop = new AbortController();
  const running = recorder.run(stop.signal);
  const object = await make(bed, 'a');
  const written = async () =>
    (await client.list({ namespace: bed.namespace }, bed.call)).items.map((event) => [
      event.reason,
      event.series?.count,
      Buffer.byteLength(event.note ?? ''),
    ]);
  const record = () =>
    recorder.record({
      ...{ regarding: object, related: object, type: 'Warning', reason: 'Odd' },
      ...{ action: 'Look', note: 'ü'.repeat(2000) },
    });
  record();
  await expect.poll(written, { timeout: 20_000 }).toEqual([['Odd', undefined, 1023]]);
  for (const count of [2, 3]) {
    record();
    await expect.poll(written, { timeout: 20_000 }).toEqual([['Odd', count, 1023]]);
  }
  stop.abort();
  await running;
  expect(recorder.dropped).toBe(0);
});

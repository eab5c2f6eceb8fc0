import { expect, test } from 'vitest';
import { type CrashWorld, crashAtEveryWrite } from '../support/crash-harness.ts';
import { EchoBed } from '../support/echo/bed.ts';
import { layerCluster } from '../support/layer-cluster.ts';
import { normalObject } from '../support/normal-object.ts';

const NAME = 'hello';
/** A life of one Echo: made, said otherwise, made smaller, a copy lost, deleted. */
async function open(): Promise<CrashWorld> {
  const bed = await EchoBed.open(layerCluster().kubeconfigPath);
  const echoed = async (): Promise<boolean> => {
    const copies = await bed.copies(NAME);
    if (copies.length > 3) throw new Error(`${copies.length} copies at once, 3 were asked for`);
    return bed.echoed(NAME);
  };
  const observe = async (): Promise<unknown> => {
    const echo = await bed.get(NAME);
    // The copies of a deleted Echo are the garbage collector's.
    const copies = echo === undefined ? [] : await bed.copies(NAME);
    const objects = { echo, copies, archive: await bed.archive() };
    const hash = [...objects.copies, ...objects.archive]
      .map(({ metadata }) => metadata.name.split('-').at(-2) ?? '')
      .at(0);
    return normalObject(objects, {
      [bed.namespace]: 'NAMESPACE',
      ...(hash === undefined ? {} : { [hash]: 'HASH' }),
    });
  };
  const step = (name: string, act: () => Promise<unknown>, settled = echoed) => ({
    name,
    act: async () => void (await act()),
    settled,
    observe,
  });
  return {
    transport: bed.transport,
    steps: [
      step('made', () => bed.say(NAME, 'hello', 3)),
      step('said otherwise', () => bed.say(NAME, 'good bye', 3)),
      step('made smaller', () => bed.say(NAME, 'good bye', 1)),
      step('a copy lost', async () => {
        for (const copy of await bed.copies(NAME)) await bed.maps.delete(copy.metadata, bed.call);
      }),
      step(
        'deleted',
        () => bed.remove(NAME),
        async () => (await bed.get(NAME)) === undefined,
      ),
    ],
    run: async (transport, signal) => {
      const end = await bed.run(transport, signal);
      if (end.reason === 'failed') throw end.error;
    },
    close: () => bed[Symbol.asyncDispose](),
  };
}

test('a controller that dies after and before each of its writes and is started anew', async () => {
  const { writes, fewest, crashes, failures } = await crashAtEveryWrite({
    ...{ open, parallel: 6, stepMs: 60_000 },
  });
  expect(failures).toEqual([]);
  expect(writes.length).toBeGreaterThanOrEqual(18);
  expect(crashes.after).toBeGreaterThanOrEqual(fewest);
  expect(crashes.before).toBeGreaterThanOrEqual(fewest);
}, 480_000);

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ConfigMap, configMap } from '../../../test/support/config-maps.ts';
import { changeText } from '../../../test/support/scripted-cache.ts';
import { keyOf, keyText } from '../objects/object-key.ts';
import { ObjectStore } from './object-store.ts';

const byColour = (object: ConfigMap) =>
  (object.metadata.labels?.['colours'] ?? '').split(',').filter((colour) => colour !== '');

const newStore = () => new ObjectStore<ConfigMap>({ indexes: { colour: byColour } });

describe('a store', () => {
  it('says what an object was before, and nothing where nothing changed', () => {
    const store = newStore();
    expect(store.upsert(configMap('a', '1'), true)).toMatchObject([
      { type: 'added', initial: true },
    ]);
    expect(store.upsert(configMap('a', '1'))).toEqual([]);
    const [change] = store.upsert(configMap('a', '2'));
    expect(change).toMatchObject({
      type: 'updated',
      object: { metadata: { resourceVersion: '2' } },
      previous: { metadata: { resourceVersion: '1' } },
    });
  });

  it('tells a missed deletion where the name came back with another uid', () => {
    const store = newStore();
    store.upsert(configMap('a', '1', { uid: 'first' }));
    const changes = store.upsert(configMap('a', '2', { uid: 'second' }));
    expect(changes.map(changeText)).toEqual(['deleted a@1?', 'added a@2']);
    expect(store.size).toBe(1);
  });

  it('gives the final state of a deletion that was seen, else the last known one', () => {
    const store = newStore();
    store.upsert(configMap('a', '1'));
    store.upsert(configMap('b', '2'));
    const seen = store.remove({ namespace: 'default', name: 'a' }, configMap('a', '9'));
    const missed = store.remove({ namespace: 'default', name: 'b' });
    expect([...seen, ...missed].map(changeText)).toEqual(['deleted a@9', 'deleted b@2?']);
    expect(store.remove({ namespace: 'default', name: 'b' })).toEqual([]);
  });

  it('keeps objects of the same name in other namespaces apart', () => {
    const store = newStore();
    store.upsert(configMap('a', '1', { namespace: 'x' }));
    store.upsert(configMap('a', '2', { namespace: 'y' }));
    expect(store.get({ namespace: 'x', name: 'a' })?.metadata.resourceVersion).toBe('1');
    expect(store.get({ namespace: 'y', name: 'a' })?.metadata.resourceVersion).toBe('2');
    expect(store.get({ name: 'a' })).toBeUndefined();
  });

  it('hands out nothing that can be changed', () => {
    const store = newStore();
    store.upsert(configMap('a', '1', { labels: { colours: 'red' } }));
    const held = store.list()[0] as { metadata: { labels: Record<string, string> } };
    expect(() => {
      held.metadata.labels['colours'] = 'blue';
    }).toThrow(TypeError);
    expect(() => (store.list() as ConfigMap[]).pop()).toThrow(TypeError);
    (store.byIndex('colour', 'red') as ConfigMap[]).pop();
    expect(store.byIndex('colour', 'red')).toHaveLength(1);
    expect(store.size).toBe(1);
  });

  it('refuses an index that was not declared, naming those that were', () => {
    expect(() => newStore().byIndex('shape', 'round')).toThrow(/no index "shape".*colour/);
  });

  it('changes nothing where an index function throws', () => {
    const store = new ObjectStore<ConfigMap>({
      indexes: {
        version: (object) => {
          if (object.metadata.resourceVersion === '2') throw new Error('bad');
          return [object.metadata.resourceVersion ?? ''];
        },
      },
    });
    store.upsert(configMap('a', '1'));
    expect(() => store.upsert(configMap('a', '2'))).toThrow('bad');
    expect(store.get({ namespace: 'default', name: 'a' })?.metadata.resourceVersion).toBe('1');
    expect(store.byIndex('version', '1')).toHaveLength(1);
  });
});

type Step =
  | { readonly do: 'upsert'; readonly name: string; readonly uid: string; readonly colours: string }
  | { readonly do: 'remove'; readonly name: string }
  | { readonly do: 'retain'; readonly names: readonly string[] };

const anyName = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('upsert' as const),
    name: anyName,
    uid: fc.constantFrom('u1', 'u2'),
    colours: fc.constantFrom('', 'red', 'blue', 'red,blue', 'green'),
  }),
  fc.record({ do: fc.constant('remove' as const), name: anyName }),
  fc.record({ do: fc.constant('retain' as const), names: fc.uniqueArray(anyName) }),
);

describe('any sequence of changes', () => {
  it('leaves what a plain map would hold, indexes that equal a scan, and changes that lead there', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 60 }), (steps) => {
        const store = newStore();
        const model = new Map<string, ConfigMap>();
        const replayed = new Map<string, ConfigMap>();
        steps.forEach((step, at) => {
          const changes = applyStep(store, model, step, `${at + 1}`);
          for (const change of changes) {
            const key = keyText(keyOf(change.object));
            const before = replayed.get(key);
            expect(change.type === 'added').toBe(before === undefined);
            if (change.type === 'updated') expect(change.previous).toBe(before);
            if (change.type === 'deleted') replayed.delete(key);
            else replayed.set(key, change.object);
          }
          expect(new Set(store.list())).toEqual(new Set(model.values()));
          expect(new Set(replayed.values())).toEqual(new Set(model.values()));
          for (const colour of ['red', 'blue', 'green'])
            expect(new Set(store.byIndex('colour', colour))).toEqual(
              new Set([...model.values()].filter((object) => byColour(object).includes(colour))),
            );
        });
      }),
      { numRuns: 300 },
    );
  });
});

function applyStep(
  store: ObjectStore<ConfigMap>,
  model: Map<string, ConfigMap>,
  step: Step,
  version: string,
) {
  if (step.do === 'upsert') {
    const { uid, colours } = step;
    const object = configMap(step.name, version, { uid, labels: { colours } });
    model.set(keyText(keyOf(object)), object);
    return store.upsert(object);
  }
  if (step.do === 'remove') {
    model.delete(`default/${step.name}`);
    return store.remove({ namespace: 'default', name: step.name });
  }
  const present = new Set(step.names.map((name) => `default/${name}`));
  for (const key of model.keys()) if (!present.has(key)) model.delete(key);
  return store.absentFrom(present).flatMap((key) => store.remove(key));
}

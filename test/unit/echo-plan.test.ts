import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ConfigMap, Echo } from '../support/echo/kinds.ts';
import { plan, readiness } from '../support/echo/plan.ts';

const echo = (text: string, copies: number): Echo => ({
  apiVersion: 'test.example.com/v1',
  kind: 'Echo',
  metadata: { name: 'hello', namespace: 'ns', uid: 'uid-1', generation: 2 },
  spec: { text, copies },
});

/** The child that the plan would make, as the API server would give it. */
function child(of: Echo, ordinal: number, text: string, going = false): ConfigMap {
  const made = plan({ ...of, spec: { ...of.spec, copies: 20 } }, []).create[ordinal];
  if (made === undefined) throw new Error(`no child ${ordinal}`);
  const metadata = { ...made.metadata, ...(going ? { deletionTimestamp: 'now' } : {}) };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { text } };
}

const names = (maps: readonly { readonly metadata: { readonly name: string } }[]) =>
  maps.map((map) => map.metadata.name.split('-').at(-1));

describe('what is to be done', () => {
  test.each<[string, number, [number, string, boolean?][], object]>([
    ['nothing is there', 2, [], { create: ['0', '1'], change: [], remove: [], ready: 0 }],
    ['all is right', 1, [[0, 'a']], { create: [], change: [], remove: [], ready: 1 }],
    ['one is edited', 1, [[0, 'b']], { create: [], change: ['0'], remove: [], ready: 0 }],
    [
      'one is missing',
      3,
      [
        [0, 'a'],
        [2, 'a'],
      ],
      { create: ['1'], change: [], remove: [], ready: 2 },
    ],
    [
      'one is too many',
      1,
      [
        [0, 'a'],
        [3, 'a'],
      ],
      { create: [], change: [], remove: ['3'], ready: 1 },
    ],
    ['one is going', 1, [[0, 'a', true]], { create: [], change: [], remove: [], ready: 0 }],
    [
      'one too many is going',
      0,
      [[0, 'a', true]],
      { create: [], change: [], remove: [], ready: 0 },
    ],
  ])('where %s', (_name, copies, present, expected) => {
    const wanted = echo('a', copies);
    const work = plan(
      wanted,
      present.map(([ordinal, text, going]) => child(wanted, ordinal, text, going)),
    );
    expect({
      create: names(work.create),
      change: names(work.change),
      remove: names(work.remove),
      ready: work.ready,
    }).toEqual(expected);
  });

  test('is nothing once it was done, from any state', () => {
    const state = fc.uniqueArray(fc.tuple(fc.nat(9), fc.constantFrom('a', 'b')), {
      selector: ([ordinal]) => ordinal,
    });
    fc.assert(
      fc.property(fc.nat(10), state, (copies, present) => {
        const wanted = echo('a', copies);
        const children = present.map(([ordinal, text]) => child(wanted, ordinal, text));
        const work = plan(wanted, children);
        const after = new Map(children.map((map) => [map.metadata.name, map]));
        for (const map of [...work.create, ...work.change])
          after.set(map.metadata.name, { apiVersion: 'v1', kind: 'ConfigMap', ...map });
        for (const map of work.remove) after.delete(map.metadata.name);
        expect(after.size).toBe(copies);
        const again = plan(wanted, [...after.values()]);
        expect(again).toEqual({ create: [], change: [], remove: [], ready: copies });
        expect(readiness(wanted, again).status).toBe('True');
      }),
    );
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SAMPLES } from '../../test/support/crd-examples.ts';
import { crdSchema, serverVerdict } from '../../test/support/server-verdict.ts';
import { OUTCOMES } from '../rollouts/outcome.ts';
import type { Resource } from './define-resource.ts';
import { KINDS, type Kind } from './kinds.ts';
import { pruneNulls } from './prune-nulls.ts';
import { OUTCOME_NAMES } from './run-status.ts';

/** Values that lie inside and outside the bounds and patterns of the schemas. */
const VALUES: readonly unknown[] = [
  null,
  true,
  false,
  -1,
  0,
  1,
  2,
  33,
  1001,
  2 ** 31,
  2 ** 53 - 1,
  1.5,
  '',
  'a',
  'A b',
  '0.5',
  '1.0',
  '1.5',
  '-1',
  'pi',
  'nop',
  'cheat',
  'command',
  'new',
  'editable',
  'Exists',
  'Equal',
  'In',
  '../x',
  'x/../y',
  'x//y',
  './x',
  '..x/.y',
  '/workspace',
  'in/list.csv',
  'https://example.com/v1',
  'ftp://x',
  '2Gi',
  '500m',
  '2GiB',
  'aGVsbG8=',
  'a$',
  'KEY_1',
  '1KEY',
  'example.com/controller',
  'example.com/x y',
  'ä',
  'x\ny',
  'x'.repeat(41),
  'x'.repeat(254),
  '0123456789abcdef'.repeat(4),
  [],
  ['a'],
  ['a', 'a'],
  ['A b'],
  [1],
  {},
  { a: 'b' },
  { 'A b': 'c' },
  { name: 'a' },
  { name: 'pi' },
  { name: 'nop' },
  { name: 'command', command: ['x'] },
  { digest: '0123456789abcdef'.repeat(4) },
  { path: 'tasks' },
  { matchLabels: {} },
  { turns: 0 },
  { artifact: '0123456789abcdef'.repeat(4) },
  { trainingRun: { name: 'a' } },
  { type: 'full' },
  { maxSteps: 5 },
  '1e-5',
  { name: 'm', upstream: { baseURL: 'http://127.0.0.1:1/v1' } },
];

/** Properties worth adding where they are absent. */
const NAMES = [
  'model',
  'family',
  'version',
  'command',
  'config',
  'path',
  'digest',
  'selector',
  'text',
  'base64',
  'key',
  'value',
  'values',
  'budgets',
  'verifier',
  'rubric',
  'taskSetRef',
  'recording',
  'upstream',
  'parallelism',
  'session',
  'operator',
  'script',
  'artifact',
  'from',
  'rl',
  'hyper',
  'policyServer',
  'unheardOf',
];

type Place = readonly (string | number)[];

function placesOf(value: unknown, path: Place = []): Place[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [
    path,
    ...Object.entries(value).flatMap(([key, child]) =>
      placesOf(child, [...path, Array.isArray(value) ? Number(key) : key]),
    ),
  ];
}

type Container = Record<string | number, unknown>;

/** Replaces, deletes, adds or repeats at one place of a copy. */
function mutate(
  object: unknown,
  [pick, op, name, value]: readonly [number, number, string, unknown],
): unknown {
  const copy = structuredClone(object);
  const places = placesOf(copy).filter((place) => place.length > 1 && place[0] === 'spec');
  const place = places[pick % places.length] ?? ['spec'];
  let parent = copy as Container;
  for (const step of place.slice(0, -1)) parent = parent[step] as Container;
  const last = place.at(-1) as string | number;
  const target = parent[last];
  if (op === 0) parent[last] = value;
  else if (op === 1 && Array.isArray(parent)) parent.splice(Number(last), 1);
  else if (op === 1) delete parent[last];
  else if (op === 2 && Array.isArray(target)) target.push(structuredClone(target[0]));
  else if (typeof target === 'object' && target !== null && !Array.isArray(target))
    (target as Container)[name] = value;
  else parent[last] = value;
  return copy;
}

describe.each(Object.keys(KINDS) as Kind[])('%s', (kind) => {
  const resource: Resource = KINDS[kind];
  const schema = crdSchema(resource);

  test('the sample object is accepted by zod and by the CRD', () => {
    const sample = SAMPLES[kind]();
    expect(serverVerdict(schema, sample)).toEqual([]);
    expect(resource.schema.safeParse(sample).error?.issues).toBeUndefined();
  });

  test('zod and the CRD give the same verdict on mutated objects', () => {
    const verdicts = { accepted: 0, refused: 0 };
    const mutation = fc.tuple(
      fc.nat(),
      fc.nat(3),
      fc.constantFrom(...NAMES),
      fc.constantFrom(...VALUES),
    );
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 2 }), (mutations) => {
        const object = mutations.reduce<unknown>(mutate, SAMPLES[kind]());
        const server = serverVerdict(schema, object);
        const local = resource.schema.safeParse(pruneNulls(object));
        verdicts[local.success ? 'accepted' : 'refused'] += 1;
        expect({ accepted: local.success, server, local: local.error?.issues ?? [] }).toMatchObject(
          server.length === 0 ? { accepted: true } : { accepted: false },
        );
      }),
      { numRuns: 800 },
    );
    expect(verdicts.accepted).toBeGreaterThan(60);
    expect(verdicts.refused).toBeGreaterThan(60);
  });

  test('zod fills in the defaults that the server fills in', () => {
    const minimal = structuredClone(SAMPLES[kind]()) as { spec: Container };
    for (const field of ['limits', 'retries', 'verification', 'sandbox', 'budgets', 'suspend'])
      delete minimal.spec[field];
    const parsed = resource.schema.parse(minimal).spec as Container;
    expect(serverVerdict(schema, { ...minimal, spec: parsed })).toEqual([]);
    if (resource.reconciled !== false) expect(parsed['suspend']).toBe(false);
  });
});

test('the outcome words of the API are those of the rollouts', () => {
  expect([...OUTCOME_NAMES]).toEqual([...OUTCOMES]);
});

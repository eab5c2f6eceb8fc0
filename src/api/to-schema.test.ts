import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { zAtomicList, zListMap } from './lists.ts';
import { withRules } from './rules.ts';
import { toSchema } from './to-schema.ts';

const object = (field: z.ZodType): z.ZodType => z.object({ field });

describe('constructs that mean something else to the API server are refused', () => {
  test.each<[string, z.ZodType, RegExp]>([
    ['a float', z.number(), /floats are not allowed/],
    ['catch', z.string().catch('x'), /z\.catch\(\)/],
    ['a union of types', z.union([z.string(), z.int()]), /z\.union\(\)/],
    [
      'a discriminated union',
      z.discriminatedUnion('t', [z.object({ t: z.literal('a') }), z.object({ t: z.literal('b') })]),
      /z\.union\(\)/,
    ],
    ['a tuple', z.tuple([z.string()]), /z\.tuple\(\)/],
    ['nullable', z.string().nullable(), /z\.nullable\(\)/],
    ['a transform', z.string().transform((text) => text.length), /transform|pipe/],
    ['a date', z.date(), /[Dd]ate/],
    [
      'a refinement without a CEL twin',
      z.string().refine((text) => text !== 'x'),
      /without a CEL twin/,
    ],
    ['a pattern with flags', z.string().regex(/a/i), /has flags/],
    ['two patterns', z.string().regex(/a/).regex(/b/), /allOf/],
    ['a strict object', z.strictObject({ a: z.string() }), /additionalProperties/],
    [
      'an id, which becomes a reference',
      z.object({ a: z.string().meta({ id: 'shared' }) }),
      /\$ref|definitions|\$defs/,
    ],
  ])('%s', (_name, schema, message) => {
    expect(() => toSchema(object(schema))).toThrow(message);
  });
});

describe('what is emitted', () => {
  test.each<[string, z.ZodType, object]>([
    [
      'an int32 keeps its upper bound, which the format does not enforce',
      z.int32().min(1),
      { type: 'integer', format: 'int32', minimum: 1, maximum: 2_147_483_647 },
    ],
    [
      'an int is int64 below 2^53',
      z.int(),
      { type: 'integer', format: 'int64', maximum: Number.MAX_SAFE_INTEGER },
    ],
    ['a date-time has no pattern', z.iso.datetime(), { type: 'string', format: 'date-time' }],
    ['a literal is an enum', z.literal('a'), { type: 'string', enum: ['a'] }],
    ['an unknown keeps its fields', z.unknown(), { 'x-kubernetes-preserve-unknown-fields': true }],
    [
      'an object default fills nested defaults on both sides',
      z.object({ n: z.int32().default(2) }).prefault({}),
      {
        type: 'object',
        default: {},
        properties: { n: { type: 'integer', format: 'int32', maximum: 2_147_483_647, default: 2 } },
      },
    ],
    [
      'rules travel',
      withRules(z.string().max(3).describe('d'), [
        { rule: "self != 'x'", message: 'no x', holds: (self) => self !== 'x' },
      ]),
      {
        type: 'string',
        description: 'd',
        maxLength: 3,
        'x-kubernetes-validations': [{ rule: "self != 'x'", message: 'no x' }],
      },
    ],
    [
      'keyed lists name their key',
      zListMap(z.object({ name: z.string().max(3) }), 'name', { max: 2, description: 'd' }),
      {
        type: 'array',
        description: 'd',
        maxItems: 2,
        items: {
          type: 'object',
          properties: { name: { type: 'string', maxLength: 3 } },
          required: ['name'],
        },
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
      },
    ],
    [
      'an optional list keeps its description',
      zAtomicList(z.string().max(3), { max: 2, description: 'd' }).optional(),
      {
        type: 'array',
        description: 'd',
        maxItems: 2,
        items: { type: 'string', maxLength: 3 },
        'x-kubernetes-list-type': 'atomic',
      },
    ],
  ])('%s', (_name, schema, expected) => {
    expect(toSchema(object(schema)).properties?.['field']).toEqual(expected);
  });
});

import { expect, test } from 'vitest';
import type { SchemaNode } from './schema-node.ts';
import { lintSchema } from './structural-lint.ts';

const spec = (field: SchemaNode): SchemaNode => ({
  type: 'object',
  description: 'd',
  properties: { spec: { type: 'object', description: 'd', properties: { field } } },
});
const text: SchemaNode = { type: 'string', description: 'd', maxLength: 3 };
const item = (more: SchemaNode): SchemaNode => ({
  type: 'object',
  description: 'd',
  properties: { name: text },
  ...more,
});
const list = (more: SchemaNode): SchemaNode => ({
  type: 'array',
  description: 'd',
  maxItems: 2,
  items: text,
  'x-kubernetes-list-type': 'atomic',
  ...more,
});

test.each<[string, SchemaNode, string]>([
  ['no type', { description: 'd' }, 'has no type'],
  ['no description', { type: 'boolean' }, 'has no description'],
  ['unbounded string', { type: 'string', description: 'd' }, 'is a string without maxLength'],
  [
    'unbounded list',
    { type: 'array', description: 'd', items: text, 'x-kubernetes-list-type': 'atomic' },
    'is a list without maxItems',
  ],
  [
    'unbounded map',
    { type: 'object', description: 'd', additionalProperties: text },
    'is a map without maxProperties',
  ],
  [
    'integer without maximum',
    { type: 'integer', description: 'd', format: 'int32' },
    'is an integer without maximum, which its format does not enforce',
  ],
  [
    'integer without format',
    { type: 'integer', description: 'd', maximum: 9 },
    'is an integer without format',
  ],
  [
    'foreign format',
    { ...text, format: 'duration' },
    'has the format duration, which the API server reads otherwise',
  ],
  ['look-ahead', { ...text, pattern: '^(?!a)b$' }, 'has a pattern that RE2 refuses: ^(?!a)b$'],
  ['back reference', { ...text, pattern: '(a)\\1' }, 'has a pattern that RE2 refuses: (a)\\1'],
  ['broken pattern', { ...text, pattern: '(' }, 'has a pattern that does not compile'],
  [
    'map and struct at once',
    {
      type: 'object',
      description: 'd',
      properties: { a: text },
      additionalProperties: text,
      maxProperties: 1,
    },
    'has both properties and additionalProperties',
  ],
  ['unknown required', item({ required: ['nome'] }), 'requires nome, which is not a property'],
  [
    'list without type',
    { type: 'array', description: 'd', maxItems: 2, items: text },
    'has no x-kubernetes-list-type',
  ],
  [
    'set of objects',
    list({ items: item({}), 'x-kubernetes-list-type': 'set' }),
    'is a set of non-strings',
  ],
  [
    'optional map key',
    list({
      items: item({}),
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
    }),
    'has the map key name, which items may lack',
  ],
  [
    'empty rule',
    { ...text, 'x-kubernetes-validations': [{ rule: ' ', message: 'm' }] },
    'has an empty rule',
  ],
  [
    'message of two lines',
    { ...text, 'x-kubernetes-validations': [{ rule: 'r', message: 'a\nb' }] },
    'needs a message of one line for the rule r',
  ],
  ['default of another type', { ...text, default: 1 }, 'has the default 1, which is no string'],
  [
    'default outside the enum',
    { type: 'string', description: 'd', enum: ['a'], default: 'b' },
    'has a default outside its enum',
  ],
  [
    'default beside the pattern',
    { ...text, pattern: '^a$', default: 'b' },
    'has a default that does not match its pattern',
  ],
  [
    'default {} with required fields',
    item({ required: ['name'], default: {} }),
    'has the default {} without the required name',
  ],
  [
    'default with an unknown field',
    item({ default: { other: 1 } }),
    'has a default with other, which is not a property',
  ],
  [
    'default without what a rule reads',
    item({
      default: {},
      'x-kubernetes-validations': [{ rule: "has(self.b) && self.name == 'a'", message: 'm' }],
    }),
    "has a default without name, which the rule has(self.b) && self.name == 'a' reads without has()",
  ],
])('finds: %s', (_name, field, message) => {
  expect(lintSchema(spec(field))).toEqual([{ path: '.spec.field', message }]);
});

test('finds a property that is not camelCase', () => {
  const root: SchemaNode = { type: 'object', description: 'd', properties: { snake_case: text } };
  expect(lintSchema(root)).toEqual([{ path: '.snake_case', message: 'is not camelCase' }]);
});

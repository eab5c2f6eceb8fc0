import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { chartFiles } from './chart-files.ts';
import { readmeWithValues, valuesSchema } from './chart-pages.ts';
import { parseChartValues } from './chart-values.ts';
import { findDrift } from './generated-file.ts';

const ROOT = join(import.meta.dirname, '..');

const VALUES = `
# Where it runs,
# and how.
place:
  # Its size.
  # @schema {"minimum": 1}
  size: 3
  # Labels.
  labels:
    a: b

# Names.
names: []
`;

describe('the values of a chart', () => {
  test('take their texts from the comments above them', () => {
    const [place, names] = parseChartValues(VALUES, 'values.yaml');
    expect(place?.description).toBe('Where it runs, and how.');
    expect(place?.children.map(({ path }) => path.join('.'))).toEqual([
      'place.size',
      'place.labels',
    ]);
    expect(names).toMatchObject({ description: 'Names.', value: [], children: [] });
  });

  test('become a schema that knows every key, and no other', () => {
    const schema: unknown = JSON.parse(valuesSchema('x', parseChartValues(VALUES, 'values.yaml')));
    expect(schema).toMatchObject({
      additionalProperties: false,
      properties: {
        place: {
          additionalProperties: false,
          properties: {
            size: { type: 'integer', minimum: 1, default: 3, description: 'Its size.' },
            labels: { type: 'object', default: { a: 'b' } },
          },
        },
        names: { type: 'array' },
      },
    });
  });

  test('are listed in the README below what people wrote', () => {
    const values = parseChartValues(VALUES, 'values.yaml');
    const first = readmeWithValues('# By hand\n', values);
    expect(first).toMatch(/^# By hand\n\n<!-- values/);
    expect(first).toContain('| `place.size` | `3` | Its size. |');
    expect(readmeWithValues(first, values)).toBe(first);
  });

  test.each([
    ['a: 1\n', 'values.yaml: a has no comment'],
    [
      '# Text.\n# @schema {"minimum"}\na: 1\n',
      'values.yaml: a: @schema {"minimum"}: expected a JSON object',
    ],
    ['- a\n', 'values.yaml is no map'],
  ])('are refused where a reader would learn nothing: %j', (text, message) => {
    expect(() => parseChartValues(text, 'values.yaml')).toThrow(message);
  });

  test('are what README and schema of our charts say', async () => {
    expect(await findDrift(ROOT, await chartFiles(ROOT))).toEqual([]);
  });
});

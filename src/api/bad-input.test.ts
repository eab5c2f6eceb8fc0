import { describe, expect, test } from 'vitest';
import { type BadValue, badValues, NEW_FIELDS } from '../../test/support/bad-values.ts';
import { crdSchema, serverVerdict } from '../../test/support/server-verdict.ts';
import { formatFieldPath, showValue } from './field-path.ts';
import { KINDS } from './kinds.ts';
import type { ManifestProblem } from './manifest-problem.ts';
import { parseManifest } from './parse-manifest.ts';

/** What was got and what is wanted, or which field is missing or not known and what to do. */
const SENTENCE = /^(got .+, expected .+|is required \(expected .+\)|unknown field; .+)$/s;

/** What is wrong with how the problems of one document tell of its bad value. */
function fault(
  { path, shown }: BadValue,
  problems: readonly ManifestProblem[],
): string | undefined {
  const words = problems
    .filter(({ field }) => field === formatFieldPath(path))
    .map(({ message }) => message);
  const start = shown === undefined ? '' : `got ${showValue(shown)}, `;
  if (words.some((message) => SENTENCE.test(message) && message.startsWith(start)))
    return undefined;
  return words.join('; ') || 'nothing at this field';
}

const name = ({ path, why }: BadValue): string => `${formatFieldPath(path)}: ${why}`;

describe.each(NEW_FIELDS)('%s %j', (kind, under) => {
  const bad = badValues(kind, under);

  test(`every bad value of every field (${bad.length}) is told with field, value and what is expected`, () => {
    expect(bad.length).toBeGreaterThan(5);
    const text = bad.map(({ object }) => JSON.stringify(object)).join('\n---\n');
    const { objects, problems } = parseManifest(text, 'f.yaml');
    // An object with one bad field is none at all: nothing of it runs.
    expect(objects).toEqual([]);
    const byDocument = Map.groupBy(problems, ({ document }) => document);
    const unclear = bad.flatMap((each, index) => {
      const words = fault(each, byDocument.get(index + 1) ?? []);
      return words === undefined ? [] : [`${name(each)}: ${words}`];
    });
    expect(unclear).toEqual([]);
  });

  test('an API server refuses each of them at that field', () => {
    const schema = crdSchema(KINDS[kind]);
    // It drops members that it does not know, where the client has not told it to be strict.
    const known = bad.filter(({ why }) => why !== 'a member that nobody knows');
    const taken = known.filter(({ object, path, why }) => {
      const at = why === 'a member that is missing' ? path.slice(0, -1) : path;
      return !serverVerdict(schema, object).some(({ field }) => field === formatFieldPath(at));
    });
    expect(taken.map(name)).toEqual([]);
  });
});

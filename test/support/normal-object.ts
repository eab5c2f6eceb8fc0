/** Fields that the server makes, so that they differ from run to run. */
const MADE = new Set([
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'deletionTimestamp',
  'managedFields',
  'lastTransitionTime',
]);

/** Times of the controllers' own clock: that there is one counts, not which. */
const STAMPS = new Set(['startTime']);

/**
 * An object without what the server makes, to compare runs by. `words` are texts that belong to one
 * run, such as the name of its namespace, and what stands for them.
 */
export function normalObject(
  value: unknown,
  words: Readonly<Record<string, string>> = {},
): unknown {
  if (typeof value === 'string')
    return Object.entries(words).reduce((text, [word, mark]) => text.replaceAll(word, mark), value);
  if (Array.isArray(value)) return value.map((item: unknown) => normalObject(item, words));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([field, inner]) => !MADE.has(field) && inner !== undefined)
      .map(([field, inner]: [string, unknown]) => [
        field,
        STAMPS.has(field) ? 'TIME' : normalObject(inner, words),
      ])
      .toSorted(([one], [other]) => (String(one) < String(other) ? -1 : 1)),
  );
}

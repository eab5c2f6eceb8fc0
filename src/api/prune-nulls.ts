import { isRecord } from '../base/brand.ts';
import { ClawError } from '../base/error.ts';

/** Most values in one document: aliases can make a small text a huge tree. */
const MAX_VALUES = 500_000;

/** Levels: as deep as the parser goes, unless an alias stands in what it names. */
const MAX_DEPTH = 200;

/**
 * Drops members that are null, as the API server does for every field that is not nullable (we have
 * none): a bare `field:` means the field is absent. Nulls in lists stay and are refused later.
 * Throws `TooLarge` beyond half a million values or 200 levels.
 */
export function pruneNulls(root: unknown): unknown {
  let count = 0;
  const prune = (value: unknown, depth = 0): unknown => {
    count += 1;
    if (depth > MAX_DEPTH) {
      throw new ClawError(
        'TooLarge',
        `the document is nested deeper than ${MAX_DEPTH} levels, or holds an alias of itself`,
      );
    }
    if (count > MAX_VALUES) {
      throw new ClawError('TooLarge', `the document has more than ${MAX_VALUES} values`);
    }
    if (Array.isArray(value)) return value.map((member) => prune(member, depth + 1));
    if (!isRecord(value)) return value;
    return Object.fromEntries(
      Object.entries(value)
        .filter((entry) => entry[1] !== null)
        .map(([key, member]) => [key, prune(member, depth + 1)]),
    );
  };
  return prune(root);
}

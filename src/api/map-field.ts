import { z } from 'zod';
import { withRules } from './rules.ts';

/** Bounds of a string map: the key pattern becomes a CEL rule, since CRDs have no key patterns. */
export interface StringMapBounds {
  /** RE2-compatible, without flags, quotes and backslashes. */
  readonly keyPattern: RegExp;
  readonly keyHint: string;
  readonly maxProperties: number;
  readonly maxValueLength: number;
  readonly description: string;
}

/** A map from names to bounded strings. */
export function zStringMap(bounds: StringMapBounds) {
  const { keyPattern, keyHint, maxProperties, maxValueLength, description } = bounds;
  const schema = z
    .record(z.string(), z.string().max(maxValueLength).describe('A value.'))
    .meta({ description, maxProperties });
  const withKeys = withRules(schema, [
    {
      rule: `self.all(k, k.matches('${keyPattern.source}'))`,
      message: keyHint,
      holds: (self) => Object.keys(self).every((key) => keyPattern.test(key)),
    },
  ]);
  return withKeys.refine((self) => Object.keys(self).length <= maxProperties, {
    error: `expected at most ${maxProperties} entries`,
  });
}

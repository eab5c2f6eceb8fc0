import { z } from 'zod';
import { withRules } from './rules.ts';

/**
 * Bounds of a string map: those of keys become a CEL rule, since structural schemas have neither
 * `propertyNames` nor `patternProperties`.
 */
export interface StringMapBounds {
  /** RE2-compatible, without flags, quotes and backslashes. */
  readonly keyPattern: RegExp;
  readonly keyHint: string;
  readonly maxKeyLength: number;
  readonly maxProperties: number;
  readonly maxValueLength: number;
  readonly description: string;
}

/** A map from names to bounded strings. */
export function zStringMap(bounds: StringMapBounds) {
  const { keyPattern, keyHint, maxKeyLength, maxProperties, maxValueLength, description } = bounds;
  const schema = z
    .record(z.string(), z.string().max(maxValueLength).describe('A value.'))
    .meta({ description, maxProperties });
  const withKeys = withRules(schema, [
    {
      rule: `self.all(k, size(k) <= ${maxKeyLength} && k.matches('${keyPattern.source}'))`,
      message: `${keyHint}, of at most ${maxKeyLength} characters`,
      holds: (self) =>
        Object.keys(self).every((key) => key.length <= maxKeyLength && keyPattern.test(key)),
    },
  ]);
  return withKeys.refine((self) => Object.keys(self).length <= maxProperties, {
    error: `expected at most ${maxProperties} entries`,
  });
}

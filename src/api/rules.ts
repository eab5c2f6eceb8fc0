import type { z } from 'zod';

/** Key under which a schema carries its CEL rules; read by to-crd.ts. */
export const VALIDATIONS_KEY = 'x-kubernetes-validations';

/** One CEL rule as the API server takes it. */
export interface CelRule {
  readonly rule: string;
  /** What a person reads when the rule does not hold; one line. */
  readonly message: string;
}

/** A rule in both forms: `rule` for the API server, `holds` for zod. Both must say the same. */
export interface Rule<T> extends CelRule {
  readonly holds: (self: T) => boolean;
  /** Values that broke it, behind the message; here alone, for the API server's message is fixed. */
  readonly got?: (self: T) => string;
}

/**
 * Adds rules to a schema: checked by zod with `holds`, carried into the CRD as CEL. Give the schema
 * its description before.
 *
 * @example withRules(z.object({ a: zInt.optional() }), [exactlyOneOf(['a', 'b'], 'source')])
 */
export function withRules<S extends z.ZodType>(schema: S, rules: readonly Rule<z.output<S>>[]): S {
  if (rules.length === 0) return schema;
  const described = schema.meta({
    ...schema.meta(),
    [VALIDATIONS_KEY]: rules.map(({ rule, message }) => ({ rule, message })),
  });
  return described.superRefine((value, context) => {
    for (const { holds, message, got } of rules) {
      if (holds(value)) continue;
      const values = got === undefined ? '' : `, got ${got(value)}`;
      context.addIssue({ code: 'custom', message: `${message}${values}` });
    }
  });
}

/** Exactly one of the optional fields is present. `what` names the object in the message. */
export function exactlyOneOf<K extends string>(
  fields: readonly K[],
  what: string,
): Rule<Readonly<Partial<Record<K, unknown>>>> {
  const present = fields.map((field) => `has(self.${field})`).join(', ');
  return {
    rule: `[${present}].filter(x, x).size() == 1`,
    message: `${what} takes exactly one of ${fields.join(', ')}`,
    holds: (self) => fields.filter((field) => self[field] !== undefined).length === 1,
  };
}

/**
 * Fields of a spec that may not change, appear or vanish after creation. The zod twin is
 * `immutableChanges` in immutability.ts.
 */
export function immutableRules(fields: readonly string[]): readonly CelRule[] {
  return fields.map((field) => ({
    rule:
      `has(self.${field}) == has(oldSelf.${field})` +
      ` && (!has(self.${field}) || self.${field} == oldSelf.${field})`,
    message: `${field} cannot change after creation: the run keeps what it was planned with; create another object`,
  }));
}

import { z } from 'zod';
import { ClawError } from '../base/error.ts';
import { VALIDATIONS_KEY } from './rules.ts';
import type { SchemaNode } from './schema-node.ts';

type JsonSchema = z.core.JSONSchema.BaseSchema;

const VALIDATION = z.object({ rule: z.string(), message: z.string() });

/** Parses the generator's output into the keys that a structural schema may have; others are an error. */
const zSchemaNode: z.ZodType<SchemaNode> = z.lazy(() =>
  z
    .strictObject({
      type: z.enum(['object', 'array', 'string', 'integer', 'boolean']).optional(),
      description: z.string().optional(),
      format: z.string().optional(),
      default: z.unknown().optional(),
      enum: z.array(z.unknown()).optional(),
      pattern: z.string().optional(),
      minLength: z.number().optional(),
      maxLength: z.number().optional(),
      minimum: z.number().optional(),
      maximum: z.number().optional(),
      minItems: z.number().optional(),
      maxItems: z.number().optional(),
      minProperties: z.number().optional(),
      maxProperties: z.number().optional(),
      properties: z.record(z.string(), zSchemaNode).optional(),
      required: z.array(z.string()).optional(),
      items: zSchemaNode.optional(),
      additionalProperties: zSchemaNode.optional(),
      'x-kubernetes-validations': z.array(VALIDATION).optional(),
      'x-kubernetes-list-type': z.enum(['atomic', 'map', 'set']).optional(),
      'x-kubernetes-list-map-keys': z.array(z.string()).optional(),
      'x-kubernetes-preserve-unknown-fields': z.literal(true).optional(),
    })
    .transform(withoutUndefined),
);

function withoutUndefined(node: object): SchemaNode {
  return Object.fromEntries(Object.entries(node).filter((entry) => entry[1] !== undefined));
}

/** zod constructs whose JSON Schema means something else to the API server than to zod. */
const BANNED: ReadonlySet<string> = new Set([
  'catch',
  'tuple',
  'union',
  'intersection',
  'nullable',
  'transform',
  'pipe',
  'date',
  'bigint',
  'set',
  'map',
  'any',
]);

/** The structural schema of a zod schema. Throws `Internal` on constructs that have none. */
export function toSchema(schema: z.ZodType): SchemaNode {
  const generated = z.toJSONSchema(schema, {
    target: 'openapi-3.0',
    io: 'input',
    unrepresentable: 'throw',
    cycles: 'throw',
    reused: 'inline',
    override: ({ zodSchema, jsonSchema, path }) => {
      const where = path.join('.') || 'the root';
      const { def } = zodSchema._zod;
      if (BANNED.has(def.type)) throw unstructural(where, `z.${def.type}() has no structural form`);
      if (jsonSchema.minItems === 0) delete jsonSchema.minItems;
      if (def.type === 'unknown') jsonSchema['x-kubernetes-preserve-unknown-fields'] = true;
      if (def.type === 'number') {
        integerForm('format' in def ? String(def.format) : undefined, jsonSchema, where);
      }
      if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
      requireTwin(def.checks ?? [], jsonSchema, where);
      if (def.type === 'string') refuseFlags(def.checks ?? [], where);
    },
  });
  const { $schema: _schema, ...node } = generated;
  const parsed = zSchemaNode.safeParse(node);
  if (!parsed.success) throw unstructural('the schema', z.prettifyError(parsed.error));
  return parsed.data;
}

const unstructural = (where: string, what: string): ClawError =>
  new ClawError('Internal', `${where}: ${what}; see src/api/to-schema.ts`);

/**
 * Integers only. The API server does not hold a value to its int32 or int64 format, so the upper
 * bound stays in the schema; a lower bound that merely repeats the format is noise.
 */
function integerForm(format: string | undefined, node: JsonSchema, where: string): void {
  if (node.type !== 'integer') {
    throw unstructural(where, 'floats are not allowed, use a decimal string');
  }
  node.format = format === 'int32' ? 'int32' : 'int64';
  if (node.minimum === -2_147_483_648 || node.minimum === Number.MIN_SAFE_INTEGER) {
    delete node.minimum;
  }
}

/** A refinement is lost in the CRD unless a CEL rule or a list type says the same. */
function requireTwin(
  checks: readonly z.core.$ZodCheck<never>[],
  node: object,
  where: string,
): void {
  const custom = checks.some((check) => check._zod.def.check === 'custom');
  if (custom && !(VALIDATIONS_KEY in node) && !('x-kubernetes-list-type' in node)) {
    throw unstructural(where, 'a refinement without a CEL twin; use withRules');
  }
}

function refuseFlags(checks: readonly z.core.$ZodCheck<never>[], where: string): void {
  for (const check of checks) {
    const { def } = check._zod;
    if ('pattern' in def && def.pattern instanceof RegExp && def.pattern.flags !== '') {
      throw unstructural(where, `the pattern ${String(def.pattern)} has flags, which CRDs drop`);
    }
  }
}

import { Environment } from '@marcbachmann/cel-js';
import type { Resource } from '../../src/api/define-resource.ts';
import { type FieldPath, formatFieldPath } from '../../src/api/field-path.ts';
import { pruneNulls } from '../../src/api/prune-nulls.ts';
import type { SchemaNode } from '../../src/api/schema-node.ts';
import { toCrd } from '../../src/api/to-crd.ts';
import { isRecord } from '../../src/base/brand.ts';

/** One reason for which the API server would refuse an object. */
export interface ServerError {
  readonly field: string;
  readonly message: string;
}

/** The OpenAPI schema that a kind's CRD carries. */
export function crdSchema(resource: Resource): SchemaNode {
  const version = toCrd(resource).spec.versions[0];
  if (!version) throw new Error(`${resource.kind} has no version`);
  return version.schema.openAPIV3Schema;
}

/**
 * What an API server with this schema says to an object: nulls pruned, unknown fields dropped,
 * defaults filled in, types and bounds checked, then the CEL rules. An independent second reading of
 * the generated schema, for comparison with zod.
 */
export function serverVerdict(root: SchemaNode, object: unknown, old?: unknown): ServerError[] {
  const value = admit(root, object);
  const errors: ServerError[] = [];
  structure(root, value, [], errors);
  if (errors.length > 0) return errors;
  rules(root, value, old === undefined ? undefined : admit(root, old), [], errors);
  return errors;
}

const admit = (root: SchemaNode, object: unknown): unknown => fill(root, pruneNulls(object));

function fill(node: SchemaNode, value: unknown): unknown {
  if (Array.isArray(value) && node.items) {
    const { items } = node;
    return value.map((item) => fill(items, item));
  }
  if (!isRecord(value) || node.type !== 'object') return value;
  if (node.additionalProperties) {
    const child = node.additionalProperties;
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, fill(child, v)]));
  }
  const filled: Record<string, unknown> = {};
  for (const [name, child] of Object.entries(node.properties ?? {})) {
    const member = Object.hasOwn(value, name) ? value[name] : structuredClone(child.default);
    if (member !== undefined) filled[name] = fill(child, member);
  }
  return filled;
}

function structure(node: SchemaNode, value: unknown, path: FieldPath, errors: ServerError[]): void {
  const say = (message: string): void => {
    errors.push({ field: formatFieldPath(path), message });
  };
  const actual = Array.isArray(value)
    ? 'array'
    : Number.isInteger(value)
      ? 'integer'
      : typeof value;
  if (node.type !== undefined && (value === null || actual !== node.type)) {
    say(`must be of type ${node.type}`);
    return;
  }
  if (node.enum && !node.enum.includes(value)) say('unsupported value');
  if (typeof value === 'string') checkString(node, value, say);
  if (typeof value === 'number') checkInteger(node, value, say);
  if (Array.isArray(value)) {
    checkList(node, value, say);
    for (const [index, item] of value.entries()) {
      if (node.items) structure(node.items, item, [...path, index], errors);
    }
  }
  if (isRecord(value)) {
    for (const name of node.required ?? []) {
      if (!Object.hasOwn(value, name)) say(`${name} is required`);
    }
    if (Object.keys(value).length > (node.maxProperties ?? Infinity)) say('too many entries');
    for (const [name, member] of Object.entries(value)) {
      const child = node.properties?.[name] ?? node.additionalProperties;
      if (child) structure(child, member, [...path, name], errors);
    }
  }
}

type Say = (message: string) => void;

function checkString(node: SchemaNode, value: string, say: Say): void {
  const length = Array.from(value).length;
  if (length < (node.minLength ?? 0)) say('too short');
  if (length > (node.maxLength ?? Infinity)) say('too long');
  if (node.pattern !== undefined && !new RegExp(node.pattern).test(value)) say('does not match');
}

function checkInteger(node: SchemaNode, value: number, say: Say): void {
  if (value < (node.minimum ?? -Infinity)) say('too small');
  if (value > (node.maximum ?? Infinity)) say('too big');
}

function checkList(node: SchemaNode, value: readonly unknown[], say: Say): void {
  if (value.length < (node.minItems ?? 0)) say('too few items');
  if (value.length > (node.maxItems ?? Infinity)) say('too many items');
  const kind = node['x-kubernetes-list-type'];
  if (kind !== 'map' && kind !== 'set') return;
  const keys = node['x-kubernetes-list-map-keys'] ?? [];
  const identities = value.map((item) =>
    JSON.stringify(kind === 'map' && isRecord(item) ? keys.map((key) => item[key]) : item),
  );
  if (new Set(identities).size < identities.length) say('duplicate item');
}

const cel = new Environment().registerVariable('self', 'dyn').registerVariable('oldSelf', 'dyn');

/** Throws where a rule does not parse or evaluate: such a rule must never ship. */
export function evaluateRule(rule: string, self: unknown, oldSelf?: unknown): boolean {
  const context = oldSelf === undefined ? { self } : { self, oldSelf };
  const result: unknown = cel.evaluate(rule, context);
  if (typeof result !== 'boolean') throw new Error(`${rule} gave ${String(result)}`);
  return result;
}

function rules(
  node: SchemaNode,
  value: unknown,
  old: unknown,
  path: FieldPath,
  errors: ServerError[],
): void {
  for (const { rule, message } of node['x-kubernetes-validations'] ?? []) {
    if (rule.includes('oldSelf') && old === undefined) continue;
    if (!evaluateRule(rule, toCel(node, value), toCel(node, old))) {
      errors.push({ field: formatFieldPath(path), message });
    }
  }
  if (Array.isArray(value) && node.items) {
    for (const [index, item] of value.entries()) {
      rules(node.items, item, undefined, [...path, index], errors);
    }
  }
  if (!isRecord(value)) return;
  for (const [name, member] of Object.entries(value)) {
    const child = node.properties?.[name] ?? node.additionalProperties;
    if (child) rules(child, member, isRecord(old) ? old[name] : undefined, [...path, name], errors);
  }
}

/** Integers as BigInt: JavaScript numbers are doubles to CEL, and `double * int` has no overload. */
function toCel(node: SchemaNode, value: unknown): unknown {
  if (node.type === 'integer' && typeof value === 'number') return BigInt(value);
  if (Array.isArray(value))
    return value.map((item: unknown) => (node.items ? toCel(node.items, item) : item));
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      const child = node.properties?.[name] ?? node.additionalProperties;
      return [name, child ? toCel(child, member) : member];
    }),
  );
}

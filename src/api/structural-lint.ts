import { isRecord } from '../base/brand.ts';
import type { SchemaNode } from './schema-node.ts';

/** A fault of a CRD schema: where, and what the API server or our conventions say. */
export interface LintFinding {
  readonly path: string;
  readonly message: string;
}

/** Formats that mean the same to zod and to the API server. */
const FORMATS: ReadonlySet<string> = new Set(['int32', 'int64', 'date-time']);
/** RE2 has neither look-around nor back references. */
const NOT_RE2 = /\(\?[=!<]|\\[1-9]|\\k</;

/**
 * Checks a schema against the structural rules of apiextensions/v1 and the project's conventions:
 * everything typed, described and bounded. Fast; the API server's own checker is run in its tests.
 */
export function lintSchema(root: SchemaNode): readonly LintFinding[] {
  const findings: LintFinding[] = [];
  visit(root, '', (path, message) => findings.push({ path: path === '' ? '.' : path, message }));
  return findings;
}

type Report = (path: string, message: string) => void;

function visit(node: SchemaNode, path: string, report: Report): void {
  if (node.type === undefined && node['x-kubernetes-preserve-unknown-fields'] !== true) {
    report(path, 'has no type');
  }
  if (path !== '.metadata' && path !== '.metadata.name' && !node.description) {
    report(path, 'has no description');
  }
  if (node.format !== undefined && !FORMATS.has(node.format)) {
    report(path, `has the format ${node.format}, which the API server reads otherwise`);
  }
  lintBounds(node, path, report);
  lintPattern(node, path, report);
  lintObject(node, path, report);
  lintList(node, path, report);
  lintRules(node, path, report);
  if ('default' in node && node.default !== undefined) lintDefault(node, path, report);
  for (const [name, child] of Object.entries(node.properties ?? {})) {
    visit(child, `${path}.${name}`, report);
  }
  if (node.items) visit(node.items, `${path}[*]`, report);
  if (node.additionalProperties) visit(node.additionalProperties, `${path}.*`, report);
}

function lintBounds(node: SchemaNode, path: string, report: Report): void {
  const bounded = node.enum !== undefined || node.format === 'date-time';
  const root = path.split('.').length === 2;
  if (node.type === 'string' && node.maxLength === undefined && !bounded && !root) {
    report(path, 'is a string without maxLength');
  }
  if (node.type === 'array' && node.maxItems === undefined)
    report(path, 'is a list without maxItems');
  if (node.additionalProperties && node.maxProperties === undefined) {
    report(path, 'is a map without maxProperties');
  }
  if (node.type === 'integer' && node.maximum === undefined) {
    report(path, 'is an integer without maximum, which its format does not enforce');
  }
  if (node.type === 'integer' && node.format === undefined)
    report(path, 'is an integer without format');
}

function lintPattern(node: SchemaNode, path: string, report: Report): void {
  if (node.pattern === undefined) return;
  if (NOT_RE2.test(node.pattern)) report(path, `has a pattern that RE2 refuses: ${node.pattern}`);
  if (!compiles(node.pattern)) report(path, 'has a pattern that does not compile');
}

function compiles(pattern: string): boolean {
  try {
    return new RegExp(pattern) instanceof RegExp;
  } catch {
    return false;
  }
}

function lintObject(node: SchemaNode, path: string, report: Report): void {
  if (node.properties && node.additionalProperties) {
    report(path, 'has both properties and additionalProperties');
  }
  for (const name of node.required ?? []) {
    if (!node.properties || !Object.hasOwn(node.properties, name)) {
      report(path, `requires ${name}, which is not a property`);
    }
  }
  for (const name of Object.keys(node.properties ?? {})) {
    if (!/^[a-z][A-Za-z0-9]*$/.test(name)) report(`${path}.${name}`, 'is not camelCase');
  }
}

function lintList(node: SchemaNode, path: string, report: Report): void {
  if (node.type !== 'array') return;
  if (!node.items) report(path, 'is a list without items');
  const kind = node['x-kubernetes-list-type'];
  if (kind === undefined) report(path, 'has no x-kubernetes-list-type');
  if (kind === 'set' && node.items?.type !== 'string') report(path, 'is a set of non-strings');
  if (kind !== 'map') return;
  for (const key of node['x-kubernetes-list-map-keys'] ?? ['']) {
    const required = node.items?.required?.includes(key) === true;
    const hasDefault = node.items?.properties?.[key]?.default !== undefined;
    if (!required && !hasDefault) report(path, `has the map key ${key}, which items may lack`);
  }
}

function lintRules(node: SchemaNode, path: string, report: Report): void {
  for (const { rule, message } of node['x-kubernetes-validations'] ?? []) {
    if (rule.trim() === '') report(path, 'has an empty rule');
    if (message.trim() === '' || message.includes('\n') || message.length > 2048) {
      report(path, `needs a message of one line for the rule ${rule}`);
    }
  }
}

/** A default must fit its own node; the API server refuses the CRD otherwise. */
function lintDefault(node: SchemaNode, path: string, report: Report, value = node.default): void {
  const fits =
    (node.type === 'string' && typeof value === 'string') ||
    (node.type === 'boolean' && typeof value === 'boolean') ||
    (node.type === 'integer' && Number.isInteger(value)) ||
    (node.type === 'object' && isRecord(value));
  if (!fits)
    report(path, `has the default ${JSON.stringify(value)}, which is no ${node.type ?? 'value'}`);
  if (node.enum && !node.enum.includes(value)) report(path, `has a default outside its enum`);
  if (node.pattern && typeof value === 'string' && !new RegExp(node.pattern).test(value)) {
    report(path, 'has a default that does not match its pattern');
  }
  if (node.type === 'object' && isRecord(value)) lintObjectDefault(node, path, report, value);
}

function lintObjectDefault(
  node: SchemaNode,
  path: string,
  report: Report,
  value: Readonly<Record<string, unknown>>,
): void {
  for (const name of node.required ?? []) {
    if (!Object.hasOwn(value, name))
      report(path, `has the default ${JSON.stringify(value)} without the required ${name}`);
  }
  // The API server tries the rules on the default as it stands, before what is below gets its own.
  for (const { rule } of node['x-kubernetes-validations'] ?? []) {
    for (const [, name = ''] of rule.matchAll(/\bself\.(\w+)/g)) {
      if (Object.hasOwn(value, name) || rule.includes(`has(self.${name})`)) continue;
      report(path, `has a default without ${name}, which the rule ${rule} reads without has()`);
    }
  }
  for (const [name, member] of Object.entries(value)) {
    const child = node.properties?.[name];
    if (child) lintDefault(child, `${path}.${name}`, report, member);
    else report(path, `has a default with ${name}, which is not a property`);
  }
}

import { isRecord } from '../base/brand.ts';
import { type FieldPath, formatFieldPath } from './field-path.ts';
import { nearMiss } from './near-miss.ts';
import type { SchemaNode } from './schema-node.ts';

/** A field that the schema does not have, with what was probably meant. */
export interface UnknownField {
  readonly path: FieldPath;
  readonly hint: string;
}

/** Fields of `value` that `root` does not know: what `kubectl --validate=strict` refuses. */
export function unknownFields(root: SchemaNode, value: unknown): readonly UnknownField[] {
  const found: UnknownField[] = [];
  walk(root, value, [], (path, siblings) => {
    found.push({ path, hint: hintFor(root, String(path.at(-1)), siblings) });
  });
  return found;
}

function walk(
  node: SchemaNode,
  value: unknown,
  path: FieldPath,
  report: (path: FieldPath, siblings: readonly string[]) => void,
): void {
  if (Array.isArray(value) && node.items) {
    const { items } = node;
    value.forEach((item: unknown, index) => {
      walk(items, item, [...path, index], report);
    });
  }
  if (!isRecord(value) || node.type !== 'object') return;
  const { properties, additionalProperties } = node;
  for (const [name, member] of Object.entries(value)) {
    const child =
      properties && Object.hasOwn(properties, name) ? properties[name] : additionalProperties;
    if (child) walk(child, member, [...path, name], report);
    else report([...path, name], Object.keys(properties ?? {}));
  }
}

function hintFor(root: SchemaNode, name: string, siblings: readonly string[]): string {
  const sibling = nearMiss(name, siblings);
  if (sibling !== undefined) return `did you mean ${sibling}?`;
  const elsewhere = placesOf(root, name);
  if (elsewhere.length > 0) return `the field stands at ${elsewhere.slice(0, 3).join(' or ')}`;
  return `known fields here: ${siblings.join(', ')}`;
}

/** Where the schema has a property of this name; list items are written as `[]`. */
function placesOf(root: SchemaNode, name: string): readonly string[] {
  const places: string[] = [];
  const search = (node: SchemaNode, path: readonly string[]): void => {
    for (const [property, child] of Object.entries(node.properties ?? {})) {
      const here = [...path, property];
      if (property === name) places.push(formatFieldPath(here).replaceAll('["[]"]', '[]'));
      search(child, here);
    }
    if (node.items) search(node.items, [...path, '[]']);
  };
  const spec = root.properties?.['spec'];
  if (spec) search(spec, ['spec']);
  return places;
}

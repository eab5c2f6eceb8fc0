import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import type { SchemaNode } from '../../src/api/schema-node.ts';
import type { Crd } from '../../src/api/to-crd.ts';

const FOLDER = join(import.meta.dirname, '../../crds');

/** The CRDs as they are shipped: crds/*.yaml. */
export function crdFiles(): readonly Crd[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => load(readFileSync(join(FOLDER, name), 'utf8')) as Crd);
}

export interface ShippedRule {
  readonly kind: string;
  /** Path from the root; items of a list as `[]`: `spec.arms[].agent`. */
  readonly field: string;
  readonly message: string;
}

/** Every CEL rule at every place of every kind. */
export function shippedRules(): readonly ShippedRule[] {
  return crdFiles().flatMap(({ spec }) =>
    spec.versions.flatMap(({ schema }) =>
      rulesOf(schema.openAPIV3Schema, '').map((rule) => ({
        kind: String(spec.names['kind']),
        ...rule,
      })),
    ),
  );
}

function rulesOf(node: SchemaNode, field: string): Omit<ShippedRule, 'kind'>[] {
  const here = node['x-kubernetes-validations'] ?? [];
  const below = (name: string): string => (field === '' ? name : `${field}.${name}`);
  return [
    ...here.map(({ message }) => ({ field, message })),
    ...Object.entries(node.properties ?? {}).flatMap(([name, child]) =>
      rulesOf(child, below(name)),
    ),
    ...(node.items ? rulesOf(node.items, `${field}[]`) : []),
    ...(node.additionalProperties ? rulesOf(node.additionalProperties, `${field}{}`) : []),
  ];
}

import type { Resource } from '../src/api/define-resource.ts';
import type { SchemaNode } from '../src/api/schema-node.ts';
import { toCrd } from '../src/api/to-crd.ts';

const HEADER = `<!-- Generated from src/api by \`npm run generate\`; do not edit. -->

# Kinds

Every field of every kind; \`[]\` stands for the items of a list, \`!\` for a required field. The same
texts are shown by \`kubectl explain\`.
`;

/** The reference page of all kinds: spec and status field by field, then the rules. */
export function kindsPage(resources: readonly Resource[]): string {
  return HEADER + resources.map(kindSection).join('');
}

function kindSection(resource: Resource): string {
  const root = toCrd(resource).spec.versions[0]?.schema.openAPIV3Schema;
  const spec = root?.properties?.['spec'];
  const status = root?.properties?.['status'];
  if (!spec) return '';
  const scope = resource.scope === 'Cluster' ? ', cluster-wide' : '';
  const rules = rulesOf(spec, 'spec').map(({ path, message }) => `- \`${path}\`: ${message}\n`);
  return [
    `\n## ${resource.kind}\n\n${resource.description}\n\n`,
    `\`${resource.apiVersion}\`, short name \`${resource.shortNames.join(', ')}\`${scope}.\n`,
    `\n### spec\n\n${table(spec, 'spec')}`,
    `\n### Rules\n\n${rules.join('')}`,
    status ? `\n### status\n\n${table(status, 'status')}` : '',
  ].join('');
}

function table(node: SchemaNode, path: string): string {
  const rows = fieldRows(node, path).map((cells) => `| ${cells.map(escapeCell).join(' | ')} |\n`);
  return `| field | type | default | meaning |\n|---|---|---|---|\n${rows.join('')}`;
}

const escapeCell = (cell: string): string => cell.replaceAll('|', '\\|');

function fieldRows(node: SchemaNode, path: string): readonly (readonly string[])[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    const required = node.required?.includes(name) === true ? '!' : '';
    const here = `${path}.${name}`;
    const standard =
      child.default === undefined || child.type === 'object' ? '' : JSON.stringify(child.default);
    const row = [`\`${here}\`${required}`, typeText(child), standard, child.description ?? ''];
    return [row, ...nestedRows(child, here)];
  });
}

function nestedRows(node: SchemaNode, path: string): readonly (readonly string[])[] {
  if (path === 'status.conditions') return [];
  if (node.items?.type === 'object') return fieldRows(node.items, `${path}[]`);
  return fieldRows(node, path);
}

function typeText(node: SchemaNode): string {
  if (node.enum) return node.enum.map(String).join(', ');
  if (node.type === 'array')
    return `list of ${node.items?.type ?? 'values'} (at most ${node.maxItems})`;
  if (node.additionalProperties)
    return `map of ${node.additionalProperties.type} (at most ${node.maxProperties})`;
  if (node.type === 'integer') return `integer${range(node)}`;
  if (node.format === 'date-time') return 'time';
  if (node.type === 'string') return `string (at most ${node.maxLength})`;
  return node.type ?? 'any';
}

function range({ minimum, maximum, format }: SchemaNode): string {
  const formatLimit = format === 'int32' ? 2_147_483_647 : Number.MAX_SAFE_INTEGER;
  if (maximum === undefined || maximum === formatLimit) {
    return minimum === undefined ? '' : `, at least ${minimum}`;
  }
  return `, ${minimum ?? 'any'} to ${maximum}`;
}

function rulesOf(node: SchemaNode, path: string): readonly { path: string; message: string }[] {
  const own = (node['x-kubernetes-validations'] ?? []).map(({ message }) => ({ path, message }));
  const children = Object.entries(node.properties ?? {}).flatMap(([name, child]) =>
    rulesOf(child, `${path}.${name}`),
  );
  return [...own, ...children, ...(node.items ? rulesOf(node.items, `${path}[]`) : [])];
}

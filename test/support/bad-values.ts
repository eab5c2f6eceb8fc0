import { type FieldPath, valueAt } from '../../src/api/field-path.ts';
import { KINDS, type Kind } from '../../src/api/kinds.ts';
import type { SchemaNode } from '../../src/api/schema-node.ts';
import { isRecord } from '../../src/base/brand.ts';
import { exampleObject } from './crd-examples.ts';
import { crdSchema } from './server-verdict.ts';

/** One value at one field of one kind that nobody may take. */
export interface BadValue {
  readonly kind: Kind;
  /** Where it is to be reported. */
  readonly path: FieldPath;
  readonly why: string;
  /** The kind's sample with that one field changed. */
  readonly object: Record<string, unknown>;
  /** Present: the value that a message has to show. */
  readonly shown?: unknown;
}

/** Where the life cycle from seeds to a better model added fields. */
export const NEW_FIELDS: readonly (readonly [Kind, FieldPath])[] = [
  ['SynthesisJob', ['spec']],
  ['TrainingRun', ['spec']],
  ['TrainingRuntime', ['spec']],
  ['ClusterTrainingRuntime', ['spec']],
  ['RolloutBatch', ['spec', 'exports']],
  ['RolloutBatch', ['spec', 'model']],
  ['RolloutBatch', ['spec', 'tasks', 'synthesisJob']],
  ['BenchRun', ['spec', 'arms', 0, 'model']],
  ['BenchRun', ['spec', 'tasks', 'synthesisJob']],
];

type Bad = readonly [why: string, value: unknown];

/**
 * For every field below `under`: values of other types, beyond every bound that the schema names, of no
 * known form, and members that are missing or that nobody knows. Made from the schema, so that no field can
 * be forgotten.
 */
export function badValues(kind: Kind, under: FieldPath): readonly BadValue[] {
  const found: BadValue[] = [];
  const sample = exampleObject(kind, {});
  const add = (path: FieldPath, why: string, value: unknown, at: FieldPath = path): void => {
    const object = changed(sample, path, value);
    found.push({ kind, path: at, why, object, ...(at === path && { shown: value }) });
  };
  const walk = (node: SchemaNode, path: FieldPath): void => {
    for (const [why, value] of wrongValues(node)) add(path, why, value);
    if (node.items) walk(node.items, [...path, 0]);
    if (node.additionalProperties) walk(node.additionalProperties, [...path, 'a']);
    if (!node.properties) return;
    const here = valueAt(sample, path);
    const members = isRecord(here) ? here : {};
    add(path, 'a member that nobody knows', { ...members, zebra: 1 }, [...path, 'zebra']);
    for (const name of node.required ?? []) {
      const { [name]: _, ...others } = members;
      add(path, 'a member that is missing', others, [...path, name]);
    }
    for (const [name, child] of Object.entries(node.properties)) walk(child, [...path, name]);
  };
  walk(nodeAt(crdSchema(KINDS[kind]), under), under);
  return found;
}

function wrongValues(node: SchemaNode): readonly Bad[] {
  switch (node.type) {
    case 'string':
      return wrongTexts(node);
    case 'integer':
      return wrongNumbers(node);
    case 'boolean':
      return [['a text for true or false', 'yes']];
    case 'array':
      return [
        ['a text for a list', 'one, two'],
        ...((node.minItems ?? 0) > 0 ? [['a list without items', []] as const] : []),
      ];
    default:
      return [['a text for a mapping', 'a: b']];
  }
}

function wrongTexts({ pattern, enum: words, minLength, maxLength }: SchemaNode): readonly Bad[] {
  const bad: Bad[] = [['a number for a text', 7]];
  if (words !== undefined) return [...bad, ['no known word', 'quagga']];
  if ((minLength ?? 0) > 0) bad.push(['an empty text', '']);
  if (pattern !== undefined) bad.push(['a text of no known form', ' \t¿']);
  if (maxLength !== undefined) bad.push(['too long a text', '7'.repeat(maxLength + 1)]);
  return bad;
}

function wrongNumbers({ minimum, maximum }: SchemaNode): readonly Bad[] {
  const bad: Bad[] = [
    ['a text for a number', 'seven'],
    ['half a number', 1.5],
  ];
  if (minimum !== undefined) bad.push(['too small a number', minimum - 1]);
  if (maximum !== undefined) bad.push(['too large a number', maximum + 1]);
  return bad;
}

/** A copy with another value at a path, whose parents are made where they are missing. */
function changed(root: unknown, path: FieldPath, value: unknown): Record<string, unknown> {
  const copy = set(root, path, value);
  if (!isRecord(copy)) throw new Error('an object stays an object');
  return copy;
}

function set(node: unknown, [step, ...rest]: FieldPath, value: unknown): unknown {
  if (step === undefined) return value;
  if (typeof step === 'number') {
    const items: readonly unknown[] = Array.isArray(node) ? node : [];
    return [...items.slice(0, step), set(items[step], rest, value), ...items.slice(step + 1)];
  }
  const members = isRecord(node) ? node : {};
  return { ...members, [step]: set(members[step], rest, value) };
}

function nodeAt(root: SchemaNode, path: FieldPath): SchemaNode {
  let node: SchemaNode | undefined = root;
  for (const step of path) {
    node = typeof step === 'number' ? node?.items : node?.properties?.[step];
  }
  if (node === undefined) throw new Error(`no field ${path.join('.')}`);
  return node;
}

import { describe, expect, test } from 'vitest';
import { CRD_EXAMPLES, exampleObject, SAMPLES } from '../../test/support/crd-examples.ts';
import { type ShippedRule, shippedRules } from '../../test/support/crd-files.ts';
import { crdSchema, serverVerdict } from '../../test/support/server-verdict.ts';
import type { Resource } from './define-resource.ts';
import { formatFieldPath } from './field-path.ts';
import { immutableChanges } from './immutability.ts';
import { KINDS } from './kinds.ts';

const specOf = (resource: Resource, object: unknown): unknown =>
  (resource.schema.parse(object) as { spec: unknown }).spec;

describe.each(CRD_EXAMPLES)('$kind $field: $message', (example) => {
  const { message, kind, field } = example;
  const resource: Resource = KINDS[kind];
  const schema = crdSchema(resource);
  const [good, bad] = [exampleObject(kind, example.pass), exampleObject(kind, example.fail)];
  const before = example.before && exampleObject(kind, example.before);

  test('the passing example passes the CRD and zod', () => {
    expect(serverVerdict(schema, good, before)).toEqual([]);
    expect(resource.schema.safeParse(good).success).toBe(true);
    if (before)
      expect(immutableChanges(resource, specOf(resource, before), specOf(resource, good))).toEqual(
        [],
      );
  });

  test('the failing example is refused by this rule, at this field, by both', () => {
    expect(serverVerdict(schema, bad, before)).toEqual([{ field, message }]);
    if (before) {
      const changed = immutableChanges(resource, specOf(resource, before), specOf(resource, bad));
      expect(changed).toEqual([message.split(' ')[0]]);
      return;
    }
    const issues = resource.schema.safeParse(bad).error?.issues ?? [];
    const local = issues.map((issue) => ({
      field: formatFieldPath(
        issue.path.map((step) => (typeof step === 'number' ? step : String(step))),
      ),
      message: issue.message,
    }));
    // Behind the same words, zod's message may name the values.
    expect(local).toEqual([{ field, message: expect.any(String) as unknown }]);
    expect(local[0]?.message.replace(/, got .+$/, '')).toBe(message);
  });
});

test('every rule at every place of the CRDs that are shipped has one example, and none has two', () => {
  const text = ({ kind, field, message }: ShippedRule): string => `${kind} ${field}: ${message}`;
  const examples = CRD_EXAMPLES.map(({ kind, field, message }) =>
    text({ kind, field: field.replaceAll(/\[\d+\]/g, '[]'), message }),
  );
  expect(examples.toSorted()).toEqual(shippedRules().map(text).toSorted());
});

test.each([
  ['sandbox.nodeSelector', 317, (key: string) => ({ sandbox: { nodeSelector: { [key]: 'a' } } })],
  [
    'tasks.selector.matchLabels',
    317,
    (key: string) => ({ tasks: { selector: { matchLabels: { [key]: 'a' } } } }),
  ],
  ['agent.config', 253, (key: string) => ({ agent: { name: 'pi', config: { [key]: 'a' } } })],
])('keys of %s have at most %d characters, to both', (field, most, spec) => {
  const resource = KINDS.RolloutBatch;
  const schema = crdSchema(resource);
  const object = (length: number) => exampleObject('RolloutBatch', spec('k'.repeat(length)));
  expect(serverVerdict(schema, object(most))).toEqual([]);
  expect(resource.schema.safeParse(object(most)).success).toBe(true);
  expect(serverVerdict(schema, object(most + 1))).toMatchObject([{ field: `spec.${field}` }]);
  expect(resource.schema.safeParse(object(most + 1)).success).toBe(false);
});

const RECONCILED = [KINDS.RolloutBatch, KINDS.BenchRun, KINDS.TrainingRun] as const;

describe.each(RECONCILED)('updates of $kind', (resource) => {
  test('an optional immutable field can neither appear nor vanish', () => {
    const schema = crdSchema(resource);
    const present = SAMPLES[resource.kind]({ managedBy: 'example.com/other' });
    const absent = exampleObject(resource.kind, { managedBy: undefined });
    for (const [before, after] of [
      [present, absent],
      [absent, present],
    ]) {
      expect(serverVerdict(schema, after, before)).toHaveLength(1);
      const changed = immutableChanges(resource, specOf(resource, before), specOf(resource, after));
      expect(changed).toEqual(['managedBy']);
    }
  });
});

import { z } from 'zod';
import { isRecord, parseJson } from '../../base/brand.ts';
import type { TaskInput } from '../task.ts';
import { fieldError, parseField } from './import-problem.ts';

type Rubric = NonNullable<TaskInput['rubric']>;

const zScored = z.looseObject({
  name: z.string().min(1),
  file_path: z.string().optional(),
  scores: z.record(z.string(), z.string().min(1)),
});
const zLegacy = z.looseObject({
  name: z.string().min(1),
  target_file: z.string().optional(),
  rule: z.string().min(1),
});

/**
 * ClawGym's rubric forms: a list of rules, an object with `rules`, either as JSON text; each rule
 * with the five anchors (`scores`) or in the legacy form `{name, target_file, rule}`.
 */
export function parseRubric(value: unknown, field: string): Rubric | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value === 'string') return parseRubric(textAsJson(value, field), field);
  const rules: unknown = isRecord(value) ? value['rules'] : value;
  if (!Array.isArray(rules)) {
    throw fieldError(
      'InvalidTask',
      field,
      value,
      'a list of rubric rules or an object with "rules"',
    );
  }
  if (rules.length === 0) return undefined;
  const parsed = rules.map((rule: unknown, index) => parseRule(rule, `${field}[${index}]`));
  const names = new Set<string>();
  for (const [index, { name }] of parsed.entries()) {
    if (names.has(name)) {
      throw fieldError(
        'InvalidTask',
        `${field}[${index}].name`,
        name,
        'a name that no other rule has',
      );
    }
    names.add(name);
  }
  return parsed;
}

function textAsJson(text: string, field: string): unknown {
  try {
    return parseJson(text);
  } catch {
    throw fieldError('InvalidTask', field, text, 'rubric rules as JSON');
  }
}

function parseRule(rule: unknown, field: string): Rubric[number] {
  if (isRecord(rule) && 'rule' in rule && !('scores' in rule)) {
    const { name, target_file: path, rule: text } = parseField(zLegacy, rule, field);
    return { name, text, ...(path !== undefined && path !== '' && { path }) };
  }
  const { name, file_path: path, scores } = parseField(zScored, rule, field);
  return {
    name,
    anchors: anchorsOf(scores, field),
    ...(path !== undefined && path !== '' && { path }),
  };
}

function anchorsOf(
  scores: Record<string, string>,
  field: string,
): NonNullable<Rubric[number]['anchors']> {
  const anchor = (...keys: string[]): string => {
    const found = keys.flatMap((key) => scores[key] ?? [])[0];
    if (found === undefined) {
      throw fieldError(
        'InvalidTask',
        `${field}.scores`,
        Object.keys(scores).join(', '),
        'the keys 0, 0.25, 0.5, 0.75 and 1',
      );
    }
    return found;
  };
  return {
    '0': anchor('0', '0.0'),
    '0.25': anchor('0.25'),
    '0.5': anchor('0.5'),
    '0.75': anchor('0.75'),
    '1': anchor('1', '1.0'),
  };
}

import type { z } from 'zod';
import { showValue } from './field-path.ts';
import { nearMiss } from './near-miss.ts';

/** One sentence for a zod issue: the offending value, what was expected, a near miss. */
export function issueText(issue: z.core.$ZodIssue, value: unknown): string {
  if (value === undefined && issue.code !== 'custom') return `is required (${expectation(issue)})`;
  switch (issue.code) {
    case 'invalid_value': {
      const meant =
        typeof value === 'string' ? nearMiss(value, issue.values.map(String)) : undefined;
      const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
      return `got ${showValue(value)}, ${expectation(issue)}${hint}`;
    }
    case 'invalid_type':
      return `got ${showValue(value)}, ${expectation(issue)}${quoteHint(issue.expected, value)}`;
    case 'custom':
      return issue.message;
    default:
      return `got ${showValue(value)}, ${expectation(issue)}`;
  }
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_value':
      return `expected ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map(String).join(', ')}`;
    case 'invalid_type':
      return `expected ${TYPE_NAMES[issue.expected] ?? issue.expected}`;
    case 'too_small':
      return `expected ${unit('at least', Number(issue.minimum), issue.origin)}`;
    case 'too_big':
      return issue.message.startsWith('expected')
        ? issue.message
        : `expected ${unit('at most', Number(issue.maximum), issue.origin)}`;
    default:
      return issue.message;
  }
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
  int: 'an integer',
  number: 'an integer',
  string: 'a string',
  boolean: 'true or false',
};

function unit(bound: string, limit: number, origin: string): string {
  if (origin === 'string') return `${bound} ${limit} characters`;
  if (origin === 'array') return `${bound} ${limit} items`;
  return `${bound} ${limit}`;
}

function quoteHint(expected: string, value: unknown): string {
  const scalar = typeof value === 'number' || typeof value === 'boolean';
  return expected === 'string' && scalar ? '; put it in quotes' : '';
}

import type { z } from 'zod';
import { isRecord } from '../../base/brand.ts';
import { ClawError, type ErrorCode, toClawError } from '../../base/error.ts';

/** One reason why a task, a row or a file was not imported. */
export interface ImportProblem {
  readonly code: ErrorCode;
  /** Path of the file, relative to the imported path; its own base name where that is a file. */
  readonly file: string;
  /** Row of a JSONL file, from 1. */
  readonly row?: number;
  readonly task?: string;
  /** Path of the field inside the document, for example `input_files[2].file_path`. */
  readonly field?: string;
  /** The whole sentence: place, offending value, what was expected. */
  readonly message: string;
}

/** Where a task stands in its source. */
export interface ImportPlace {
  readonly file: string;
  readonly row?: number;
  readonly task?: string;
}

interface FieldIssue {
  readonly field: string;
  readonly text: string;
}

const SHOWN_CHARACTERS = 80;

/** A value as an error message shows it: JSON, cut to 80 characters, on one line. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const head = typeof value === 'string' ? value.slice(0, SHOWN_CHARACTERS + 1) : value;
  const text = jsonOf(head).replace(
    /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
}

function jsonOf(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (isRecord(value))
    return `an object with ${Object.keys(value).slice(0, 3).join(', ') || 'no keys'}`;
  if (typeof value === 'number') return String(value);
  return JSON.stringify(value) ?? String(value);
}

/** The error for one bad field: `FIELD: got VALUE, expected EXPECTED`. */
export function fieldError(
  code: ErrorCode,
  field: string,
  value: unknown,
  expected: string,
): ClawError {
  return issuesError(code, [{ field, text: `got ${shown(value)}, expected ${expected}` }]);
}

/** Parses a value from outside; every schema issue becomes a field issue with its value. */
export function parseField<S extends z.ZodType>(
  schema: S,
  value: unknown,
  field = '',
  code: ErrorCode = 'InvalidTask',
): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw issuesError(
    code,
    parsed.error.issues.map((issue) => ({
      field: joinField(field, issue.path),
      text: `got ${shown(valueAt(value, issue.path))}, ${expectation(issue.message)}`,
    })),
  );
}

/** zod's sentence without its kind before it and what was received behind it, which is shown anyway. */
function expectation(message: string): string {
  return message
    .replace(/^(?:Invalid (?:input|option|string|key)|Too (?:big|small)): /, '')
    .replace(/, received [a-z]+$/, '');
}

function issuesError(code: ErrorCode, issues: readonly FieldIssue[]): ClawError {
  const message = issues.map(({ field, text }) => `${field}: ${text}`).join('; ');
  return new ClawError(code, message, { details: { issues } });
}

/** Everything that a thrown error says about the task at `place`, one problem an issue. */
export function problemsOf(thrown: unknown, place: ImportPlace): ImportProblem[] {
  const error = toClawError(thrown);
  const issues = error.details['issues'];
  const list: unknown[] = Array.isArray(issues) ? issues : [{ field: '', text: error.message }];
  return list.filter(isFieldIssue).map(({ field, text }) => {
    return {
      code: error.code,
      ...place,
      ...(field !== '' && { field }),
      message: `${placeText(place)}${field === '' ? '' : `, field ${field}`}: ${text}`,
    };
  });
}

function isFieldIssue(value: unknown): value is FieldIssue {
  return isRecord(value) && typeof value['field'] === 'string' && typeof value['text'] === 'string';
}

export function placeText(place: ImportPlace): string {
  const row = place.row === undefined ? '' : `, row ${place.row}`;
  return `${place.file}${row}${place.task === undefined ? '' : `, task ${shown(place.task)}`}`;
}

/** `field` with the steps from it: `rules[0].name`. */
export function joinField(prefix: string, path: readonly PropertyKey[]): string {
  return path.reduce<string>((field, key) => {
    if (typeof key === 'number') return `${field}[${key}]`;
    return field === '' ? String(key) : `${field}.${String(key)}`;
  }, prefix);
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value;
  for (const key of path) {
    if (Array.isArray(at) && typeof key === 'number') at = at[key];
    else if (isRecord(at)) at = at[String(key)];
    else return undefined;
  }
  return at;
}

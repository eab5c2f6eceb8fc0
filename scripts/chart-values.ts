import { load } from 'js-yaml';
import { isRecord, parseJson } from '../src/base/brand.ts';
import { ClawError } from '../src/base/error.ts';

/** One key of a chart's values.yaml, with what the comment above it says. */
export interface ChartValue {
  /** From the top, for example `['server', 'storage', 'size']`. */
  readonly path: readonly string[];
  readonly value: unknown;
  readonly description: string;
  /** JSON schema keywords of `@schema` lines: they narrow what the default's type says. */
  readonly schema: Readonly<Record<string, unknown>>;
  /** Keys below it that are values of their own; none for lists, and for maps without comments. */
  readonly children: readonly ChartValue[];
}

const KEY = /^( *)([A-Za-z][A-Za-z0-9]*):/;
const COMMENT = /^ *# ?(.*)$/;
const SCHEMA = '@schema ';

/**
 * Reads values.yaml of a chart with its comments. A map whose keys have comments is a group of
 * values; a map or list without is one value. Throws `InvalidInput` for a key without a comment.
 */
export function parseChartValues(text: string, place: string): readonly ChartValue[] {
  const comments = commentsByPath(text);
  const values: unknown = load(text);
  if (!isRecord(values)) {
    throw new ClawError('InvalidInput', `${place} is no map: expected values with comments`);
  }
  return valuesBelow([], values, comments, place);
}

function valuesBelow(
  path: readonly string[],
  values: Readonly<Record<string, unknown>>,
  comments: ReadonlyMap<string, readonly string[]>,
  place: string,
): readonly ChartValue[] {
  return Object.entries(values).map(([key, value]) => {
    const here = [...path, key];
    const comment = comments.get(here.join('.'));
    if (comment === undefined) {
      throw new ClawError(
        'InvalidInput',
        `${place}: ${here.join('.')} has no comment: say above it what it is for`,
      );
    }
    const isGroup = isRecord(value) && hasCommentsBelow(here, comments);
    return {
      path: here,
      value,
      description: comment.filter((line) => !line.startsWith(SCHEMA)).join(' '),
      schema: schemaOf(comment, here, place),
      children: isGroup ? valuesBelow(here, value, comments, place) : [],
    };
  });
}

const hasCommentsBelow = (
  path: readonly string[],
  comments: ReadonlyMap<string, unknown>,
): boolean => [...comments.keys()].some((key) => key.startsWith(`${path.join('.')}.`));

function schemaOf(
  comment: readonly string[],
  path: readonly string[],
  place: string,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    comment
      .filter((line) => line.startsWith(SCHEMA))
      .flatMap((line) => {
        const keywords = keywordsOf(line);
        if (keywords !== undefined) return Object.entries(keywords);
        throw new ClawError(
          'InvalidInput',
          `${place}: ${path.join('.')}: ${line}: expected a JSON object after @schema`,
        );
      }),
  );
}

function keywordsOf(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const keywords = parseJson(line.slice(SCHEMA.length));
    return isRecord(keywords) ? keywords : undefined;
  } catch {
    return undefined;
  }
}

/** Comment lines directly above each key, by its path. */
function commentsByPath(text: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  const open: { readonly indent: number; readonly key: string }[] = [];
  let pending: string[] = [];
  for (const line of text.split('\n')) {
    const comment = COMMENT.exec(line)?.[1];
    const key = KEY.exec(line);
    if (comment !== undefined) pending.push(comment);
    else if (key !== null) {
      const indent = key[1]?.length ?? 0;
      while ((open.at(-1)?.indent ?? -1) >= indent) open.pop();
      open.push({ indent, key: key[2] ?? '' });
      if (pending.length > 0) found.set(open.map((entry) => entry.key).join('.'), pending);
      pending = [];
    } else pending = [];
  }
  return found;
}

/** A token of Python source; comments are left out, strings keep their text without quotes. */
export interface PythonToken {
  readonly kind: 'name' | 'op' | 'number' | 'string' | 'newline';
  readonly text: string;
  /** From 1. */
  readonly line: number;
}

const NAME = /[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}_]*/uy;
const NUMBER = /\d[\w.]*|\.\d[\w.]*/y;
const STRING_START = /([A-Za-z]{0,3})("""|'''|"|')/y;
const SPACE = /(?:[ \t\f\r]|\\\r?\n)+/y;

/**
 * Splits Python source, well enough to tell code from text: comments go, strings become one token
 * each, and the replacement fields of f-strings are code again. Broken source never throws.
 */
export function pythonTokens(source: string, firstLine = 1): PythonToken[] {
  const tokens: PythonToken[] = [];
  let line = firstLine;
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    return pattern.exec(source);
  };
  const advance = (text: string): void => {
    at += text.length;
    line += countLines(text);
  };
  while (at < source.length) {
    const char = source[at] ?? '';
    const space = take(SPACE);
    if (space) {
      advance(space[0]);
    } else if (char === '\n') {
      tokens.push({ kind: 'newline', text: '\n', line });
      advance(char);
    } else if (char === '#') {
      const end = source.indexOf('\n', at);
      at = end < 0 ? source.length : end;
    } else {
      const string = readString(source, at, take(STRING_START));
      if (string) {
        tokens.push({ kind: 'string', text: string.body, line });
        for (const field of string.fields) tokens.push(...pythonTokens(field, line));
        advance(source.slice(at, string.end));
      } else {
        const name = take(NAME);
        const number = name ? null : take(NUMBER);
        const text = name?.[0] ?? number?.[0] ?? char;
        tokens.push({
          kind: name ? 'name' : number ? 'number' : 'op',
          text: name ? text.normalize('NFKC') : text,
          line,
        });
        advance(text);
      }
    }
  }
  return tokens;
}

interface StringLiteral {
  readonly body: string;
  readonly end: number;
  /** Code inside the replacement fields of an f-string. */
  readonly fields: readonly string[];
}

function readString(
  source: string,
  start: number,
  open: RegExpExecArray | null,
): StringLiteral | undefined {
  if (!open) return undefined;
  const prefix = (open[1] ?? '').toLowerCase();
  const quote = open[2] ?? '';
  if (!/^(?:|[rbuft]|br|rb|fr|rf|tr|rt)$/.test(prefix)) return undefined;
  const bodyStart = start + prefix.length + quote.length;
  let at = bodyStart;
  while (at < source.length && !source.startsWith(quote, at)) {
    // A backslash keeps the quote also in raw strings; a single-quoted string ends with its line.
    if (source[at] === '\\') at += 2;
    else if (quote.length === 1 && source[at] === '\n') break;
    else at += 1;
  }
  const body = source.slice(bodyStart, at);
  const end = Math.min(source.length, source.startsWith(quote, at) ? at + quote.length : at);
  return { body, end, fields: /[ft]/.test(prefix) ? fieldsOf(body) : [] };
}

function fieldsOf(body: string): string[] {
  const plain = body.replaceAll(/\{\{|\}\}/g, '  ');
  return [...plain.matchAll(/\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}/g)].map((match) => match[1] ?? '');
}

function countLines(text: string): number {
  let count = 0;
  for (const char of text) if (char === '\n') count += 1;
  return count;
}

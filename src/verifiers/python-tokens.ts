/** A token of Python source; comments are left out, strings keep their text without quotes. */
export interface PythonToken {
  readonly kind: 'name' | 'op' | 'number' | 'string' | 'newline';
  readonly text: string;
  /** From 1. */
  readonly line: number;
}

const NAME = /[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}_]*/uy;
/** Names in ASCII are nearly all names, and need no tables of Unicode. */
const ASCII_NAME = /[A-Za-z_][A-Za-z0-9_]*(?![A-Za-z0-9_\u0080-\uffff])/y;
const NUMBER = /\d[\w.]*|\.\d[\w.]*/y;
const STRING_START = /([A-Za-z]{0,3})("""|'''|"|')/y;
/** A quote, or the first letter of a string's prefix. */
const STRING_STARTS = new Set('"\'rbuftRBUFT');
const SPACE = /(?:[ \t\f\r]|\\\r?\n)+/y;
/** What may stand at the start of a space: a backslash continues the line. */
const SPACES = new Set([' ', '\t', '\f', '\r', '\\']);

/**
 * Splits Python source, well enough to tell code from text: comments go, strings become one token
 * each, and the replacement fields of f-strings are code again. Broken source never throws.
 */
export function pythonTokens(source: string, firstLine = 1): PythonToken[] {
  const tokens: PythonToken[] = [];
  let line = firstLine;
  let at = 0;
  while (at < source.length) {
    const char = source[at] ?? '';
    const space = SPACES.has(char) ? take(SPACE, source, at) : undefined;
    if (space !== undefined) {
      at += space.length;
      line += countLines(space);
    } else if (char === '\n') {
      tokens.push({ kind: 'newline', text: '\n', line });
      at += 1;
      line += 1;
    } else if (char === '#') {
      const end = source.indexOf('\n', at);
      at = end < 0 ? source.length : end;
    } else {
      const string = readString(source, at);
      if (string) {
        tokens.push({ kind: 'string', text: string.body, line });
        for (const field of string.fields) tokens.push(...pythonTokens(field, line));
        line += countLines(source.slice(at, string.end));
        at = string.end;
      } else {
        const token = readWord(source, at, line);
        tokens.push(token);
        at += token.size;
      }
    }
  }
  return tokens;
}

/** The match of a sticky pattern at a place. */
function take(pattern: RegExp, source: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(source)?.[0];
}

/** A name, a number or one character of an operator. */
function readWord(source: string, at: number, line: number): PythonToken & { size: number } {
  const ascii = take(ASCII_NAME, source, at);
  if (ascii !== undefined) return { kind: 'name', text: ascii, line, size: ascii.length };
  const name = take(NAME, source, at);
  if (name !== undefined) {
    return { kind: 'name', text: name.normalize('NFKC'), line, size: name.length };
  }
  const number = take(NUMBER, source, at);
  const text = number ?? source[at] ?? '';
  return { kind: number === undefined ? 'op' : 'number', text, line, size: text.length };
}

interface StringLiteral {
  readonly body: string;
  readonly end: number;
  /** Code inside the replacement fields of an f-string. */
  readonly fields: readonly string[];
}

function readString(source: string, start: number): StringLiteral | undefined {
  if (!STRING_STARTS.has(source[start] ?? '')) return undefined;
  STRING_START.lastIndex = start;
  const open = STRING_START.exec(source);
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
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}

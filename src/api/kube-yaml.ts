import {
  boolYaml11Tag,
  defineScalarTag,
  load,
  mapTag,
  mergeTag,
  NOT_RESOLVED,
  nullYaml11Tag,
  Schema,
  seqTag,
  strTag,
} from 'js-yaml';

const INTEGER = /^[-+]?(?:0[bB][01]+|0[oO]?[0-7]+|0[xX][0-9a-fA-F]+|0|[1-9][0-9]*)$/;
const FLOAT = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;

/** Go's strconv.ParseInt with base 0, after dropping underscores: 012 is 10, 0x1f is 31. */
function parseInteger(source: string): number | typeof NOT_RESOLVED {
  const plain = source.replaceAll('_', '');
  if (source.startsWith('_') || !INTEGER.test(plain)) return NOT_RESOLVED;
  const negative = plain.startsWith('-');
  const digits = plain.replace(/^[-+]/, '');
  const octal = /^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits;
  return negative ? -Number(octal) : Number(octal);
}

function parseFloating(source: string): number | typeof NOT_RESOLVED {
  const plain = source.replaceAll('_', '');
  return !source.startsWith('_') && FLOAT.test(plain) ? Number(plain) : NOT_RESOLVED;
}

const goInteger = defineScalarTag<number>('tag:yaml.org,2002:int', {
  implicit: true,
  resolve: parseInteger,
  identify: (data) => Number.isInteger(data),
});

const goFloat = defineScalarTag<number>('tag:yaml.org,2002:float', {
  implicit: true,
  resolve: parseFloating,
  identify: (data) => typeof data === 'number',
});

/**
 * YAML as kubectl reads it: booleans of YAML 1.1 (yes, on), numbers by Go's rules, merge keys, no
 * timestamps, no base 60, no binary or ordered maps.
 */
export const KUBE_YAML = new Schema([
  strTag,
  seqTag,
  mapTag,
  nullYaml11Tag,
  boolYaml11Tag,
  goInteger,
  goFloat,
  mergeTag,
]);

/** One document of a YAML stream. */
export interface YamlDocument {
  /** From 1, empty documents not counted. */
  readonly index: number;
  /** Line of the file on which the document starts, from 1. */
  readonly line: number;
  readonly text: string;
}

/**
 * Splits a stream at lines that start with `---`, as kubectl does, so that a document that does not
 * parse leaves the others alone. Documents of comments and white space only are dropped.
 */
export function splitDocuments(stream: string): readonly YamlDocument[] {
  const documents: YamlDocument[] = [];
  let lines: string[] = [];
  let start = 1;
  const flush = (next: number): void => {
    const text = lines.join('\n');
    if (/^[ \t]*[^#\s]/m.test(text))
      documents.push({ index: documents.length + 1, line: start, text });
    lines = [];
    start = next;
  };
  for (const [index, line] of stream
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    if (/^---(\s|$)/.test(line)) {
      flush(index + 1);
      lines.push(line.slice(3));
    } else if (!/^(\.\.\.\s*$|%)/.test(line)) {
      lines.push(line);
    } else {
      lines.push('');
    }
  }
  flush(0);
  return documents;
}

/** The value of one document. Throws js-yaml's YAMLException, with the place in `mark`. */
export function loadDocument(text: string): unknown {
  return load(text, { schema: KUBE_YAML, maxAliases: 100 });
}

/** One import or re-export of a source file. */
export interface ImportLine {
  readonly specifier: string;
  /** From 1. */
  readonly line: number;
  /** The statement on one line, as written. */
  readonly text: string;
  readonly reExport: boolean;
}

const FROM = /^[ \t]*(import|export)\b[^;'"`]*?\bfrom\s*['"]([^'"\n]+)['"]/gm;
const BARE = /^[ \t]*(import)\s*['"]([^'"\n]+)['"]/gm;
const DYNAMIC = /\b(import)\(\s*['"]([^'"\n]+)['"]\s*\)/g;

/** Static, bare, dynamic imports and re-exports, in order of the text. */
export function importLines(source: string): readonly ImportLine[] {
  const found = [FROM, BARE, DYNAMIC].flatMap((pattern) =>
    [...source.matchAll(pattern)].map((match) => ({ match, index: match.index })),
  );
  return found
    .toSorted((a, b) => a.index - b.index)
    .map(({ match, index }) => ({
      specifier: match[2] ?? '',
      line: source.slice(0, index + match[0].search(/\S/)).split('\n').length,
      text: match[0].trim().replaceAll(/\s+/g, ' '),
      reExport: match[1] === 'export',
    }));
}

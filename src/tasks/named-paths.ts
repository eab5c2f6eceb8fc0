import { MAX_PATH_BYTES, unsafePathReason } from './task-paths.ts';

/** A path that a text names. */
export interface NamedPath {
  /** Relative, without `./` and without a trailing slash. */
  readonly path: string;
  /** True where the text names a folder: a trailing slash, or a known folder without extension. */
  readonly folder: boolean;
  /** Offset of the token in the text, in UTF-16 code units. */
  readonly index: number;
  /** Length of the token in the text. */
  readonly length: number;
}

/** Extensions that make a bare word a file name. */
const EXTENSIONS =
  'txt|text|md|markdown|rst|json|jsonl|ndjson|geojson|csv|tsv|yaml|yml|toml|ini|cfg|conf|env|log|xml|html|htm|css|scss|js|mjs|cjs|ts|tsx|jsx|py|ipynb|sh|bash|rb|go|rs|java|kt|php|pl|c|h|cpp|hpp|f90|sql|db|sqlite|xlsx|docx|pptx|pdf|ics|eml|mbox|vcf|png|jpg|jpeg|gif|svg|webp|wav|mp3|mp4|zip|tar|gz|tgz|diff|patch|service|timer|lock|tex|bib|srt|vtt|pgn|out|bak';

/** First segments that make `a/b` a path and not a phrase such as "and/or". */
const FOLDERS =
  'output|outputs|out|build|dist|input|inputs|data|docs|doc|src|lib|config|configs|conf|scripts|script|notes|reports|report|results|artifacts|logs|log|tests|test|tools|templates|assets|site|public|app|tmp|work|workspace|memory|archive|external|fixtures|deliverables|delivery|analysis|ci|\\.github';

/** One maximal run of path characters: linear in the text, whatever it holds. */
const TOKEN = /[\p{L}\p{N}_.@+~/-]+/gu;
const HAS_EXTENSION = new RegExp(String.raw`[^./]\.(?:${EXTENSIONS})$`, 'iu');
const DOTFILE = /(?:^|\/)\.(?:env|gitignore|dockerignore|editorconfig|npmrc)(?:\.[A-Za-z]+)?$/;
const KNOWN_FOLDER = new RegExp(`^(?:${FOLDERS})/`, 'i');
const URL = /\b[a-z][a-z0-9+.-]{0,15}:\/\/[^\s)>\]"'`]+/giu;
const EMAIL = /[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}/gu;
/** Product names that look like script files. */
const PRODUCT = /^(?:Node|Vue|Next|Nuxt|React|Express|D3|Three|Chart|Angular|Ember|Backbone)\.js$/i;
/** Stand-ins for text that the reader fills in: not a path as it stands. */
const STAND_IN = /YYYY|(?:^|[/_.-])(?:MM|DD|HH|XXX+|NNN*|N{2,})(?:[/_.-]|$)|\.\.\./;
const DEFAULT_WORKSPACES = ['/root/.openclaw/workspace/', '/workspace/'];

/**
 * The concrete relative paths that a text names, in order, each mention once per place: back-quoted
 * or plain tokens with a known extension, a trailing slash, or a known first folder. URLs, mail
 * addresses, patterns and stand-ins (`<date>`, `{id}`, `*`, `YYYY-MM-DD`) are left out; absolute
 * paths count only beneath `workspacePath` (or the two usual workspace roots) and are made relative.
 */
export function namedPaths(text: string, workspacePath?: string): NamedPath[] {
  const withoutUrls = text.includes('://') ? text.replace(URL, spaces) : text;
  const blanked = withoutUrls.includes('@') ? withoutUrls.replace(EMAIL, spaces) : withoutUrls;
  const roots =
    workspacePath === undefined ? DEFAULT_WORKSPACES : [`${workspacePath}/`, ...DEFAULT_WORKSPACES];
  const found: NamedPath[] = [];
  for (const match of blanked.matchAll(TOKEN)) {
    if (!/[./]/.test(match[0])) continue;
    const token = withoutTrailingMarks(match[0]);
    if (token.length > MAX_PATH_BYTES || touchesStandIn(blanked, match.index, match[0].length))
      continue;
    const named = toNamedPath(token, roots);
    if (named) found.push({ ...named, index: match.index, length: token.length });
  }
  return found;
}

/** The distinct paths that a text names, in order of first mention. */
export function distinctNamedPaths(text: string, workspacePath?: string): NamedPath[] {
  const seen = new Set<string>();
  return namedPaths(text, workspacePath).filter(({ path }) => {
    if (seen.has(path)) return false;
    seen.add(path);
    return true;
  });
}

function toNamedPath(
  token: string,
  roots: readonly string[],
): { path: string; folder: boolean } | undefined {
  let path = token.startsWith('./') ? token.slice(2) : token;
  const root = roots.find((prefix) => path.startsWith(prefix));
  if (root !== undefined) path = path.slice(root.length);
  const slash = path.endsWith('/');
  if (slash) path = path.slice(0, -1);
  const file = HAS_EXTENSION.test(path) || DOTFILE.test(path);
  const folder =
    !file && (slash ? /\p{L}/u.test(path) : KNOWN_FOLDER.test(path) && !path.includes('.'));
  if (!file && !folder) return undefined;
  if (unsafePathReason(path) !== undefined || STAND_IN.test(path) || PRODUCT.test(path)) {
    return undefined;
  }
  return { path, folder: folder || slash };
}

/** True where the token is a piece of a pattern: `out/<id>/x.json`, `{name}.txt`, `logs/*.log`. */
function touchesStandIn(text: string, index: number, length: number): boolean {
  const before = text[index - 1] ?? ' ';
  const after = text[index + length] ?? ' ';
  const next = text[index + length + 1] ?? ' ';
  return '>}*]$%'.includes(before) || ('<{*[$'.includes(after) && next !== ' ');
}

/** Cuts the marks that end a sentence, without a backtracking pattern. */
function withoutTrailingMarks(token: string): string {
  let end = token.length;
  while (end > 0 && '.@+-'.includes(token[end - 1] ?? '')) end -= 1;
  return token.slice(0, end);
}

/** Blanks a match and keeps the offsets of what follows. */
function spaces(match: string): string {
  return ' '.repeat(match.length);
}

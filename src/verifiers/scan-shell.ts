import { type ScanHit, scanPython } from './scan-python.ts';

/** Programs that run nothing of the workspace, whatever their arguments are. */
const HARMLESS = new Set(
  `: [ [[ test true false echo printf cat head tail cut tr sort uniq wc grep egrep fgrep sed diff cmp
  comm paste join nl tac rev seq expr bc jq date sleep basename dirname realpath readlink pwd ls stat
  file du df id whoami uname hostname which command type hash mkdir rmdir touch cp mv rm ln chmod
  chown install mktemp tee md5sum sha1sum sha256sum sha512sum base64 od xxd hexdump strings tar gzip
  gunzip zcat unzip zip cd pushd popd export unset set shopt local declare typeset readonly read
  return exit break continue shift trap wait kill jobs umask ulimit alias let getopts apt apt-get
  dpkg curl wget sqlite3 column fold fmt iconv yes`
    .split(/\s+/)
    .filter((word) => word !== ''),
);
const KEYWORDS = /^(if|then|elif|else|fi|while|until|do|done|esac|!|\{|\}|time|function)$/;
const WRAPPERS = new Set(['env', 'sudo', 'timeout', 'nice', 'nohup', 'exec', 'builtin', 'stdbuf']);
const PYTHON = /^python[\d.]*$/;
const SHELL = /^(ba|da|z|k)?sh$/;
const HARMLESS_MODULES = new Set(['json.tool', 'pip', 'venv', 'ensurepip', 'site']);

/** What a script's commands are judged by. */
export interface ShellContext {
  /** Paths of the verifier's files. */
  readonly files: readonly string[];
  /**
   * True where scripts are started in the workspace: there `python3 -c` and a program on standard input
   * load the agent's `json.py` into the process that decides the score.
   */
  readonly startsInWorkspace: boolean;
}

/**
 * Every command of a shell script that may run what the agent wrote. Conservative: a command that
 * is neither a known plain tool nor one of the verifier's own files counts.
 */
export function scanShell(source: string, context: ShellContext, firstLine = 1): ScanHit[] {
  const hits: ScanHit[] = [];
  const { text, documents } = cutHereDocuments(source.replaceAll('\\\n', ' '), firstLine);
  for (const command of commandsOf(text, firstLine)) {
    const words = stripPrefix(command.words);
    const name = baseName(words[0] ?? '');
    const document = documents.find((one) => one.line === command.line);
    if (PYTHON.test(name))
      hits.push(...pythonCommand(words, command.line, context, document?.body));
    else hits.push(...plainCommand(name, words, command.line, context));
  }
  return hits;
}

interface Command {
  readonly words: readonly string[];
  readonly line: number;
}

function child(line: number, words: readonly string[]): ScanHit[] {
  return [{ class: 'child', line, what: words.slice(0, 4).join(' ').slice(0, 80) }];
}

function pythonCommand(
  words: readonly string[],
  line: number,
  { files, startsInWorkspace }: ShellContext,
  document: string | undefined,
): ScanHit[] {
  const what = words.slice(0, 2).join(' ');
  const beside: ScanHit[] = startsInWorkspace ? [{ class: 'in-process', line, what }] : [];
  let isolated = false;
  const loads = (): ScanHit[] => (isolated ? [] : beside);
  for (let at = 1; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (/^-[A-Za-z]*[IP]/.test(word)) isolated = true;
    if (/^-[A-Za-z]*c$/.test(word)) return [...loads(), ...scanPython(words[at + 1] ?? '', line)];
    if (/^-[A-Za-z]*m$/.test(word)) {
      return HARMLESS_MODULES.has(words[at + 1] ?? '') ? loads() : child(line, words);
    }
    if (word === '-') break;
    if (word.startsWith('-')) continue;
    return isOwn(word, files) ? [] : child(line, words);
  }
  if (document === undefined) return child(line, words);
  return [...loads(), ...scanPython(document, line + 1)];
}

function plainCommand(
  name: string,
  words: readonly string[],
  line: number,
  context: ShellContext,
): ScanHit[] {
  const ownFiles = context.files;
  if (name === '') return [];
  if (SHELL.test(name)) {
    const inline = words.findIndex((word) => /^-[a-z]*c$/.test(word));
    if (inline > 0) return scanShell(words[inline + 1] ?? '', context, line);
    const script = words.slice(1).find((word) => !word.startsWith('-'));
    return script !== undefined && isOwn(script, ownFiles) ? [] : child(line, words);
  }
  if (name === 'source' || name === '.') {
    return isOwn(words[1] ?? '', ownFiles) ? [] : child(line, words);
  }
  if (name === 'find')
    return words.some((word) => /^-(exec|ok)/.test(word)) ? child(line, words) : [];
  if (/^[gmn]?awk$/.test(name)) {
    return words.some((word) => /system\s*\(|\|\s*getline|-f/.test(word)) ? child(line, words) : [];
  }
  if (HARMLESS.has(name) && !(words[0] ?? '').includes('/')) return [];
  if (HARMLESS.has(name) && /^\/(usr\/)?(local\/)?s?bin\//.test(words[0] ?? '')) return [];
  if (isOwn(words[0] ?? '', ownFiles) && /\.(sh|bash|py)$/.test(name)) return [];
  return child(line, words);
}

/** The verifier's own file, named below one of the places where its folder is mounted. */
function isOwn(word: string, ownFiles: readonly string[]): boolean {
  return ownFiles.some(
    (path) =>
      word === `/tests/${path}` || word === `/verifier/${path}` || word.endsWith(`/reward/${path}`),
  );
}

function baseName(word: string): string {
  return word.slice(word.lastIndexOf('/') + 1);
}

/** Drops keywords, assignments and wrappers such as `env A=1 timeout 10`. */
function stripPrefix(words: readonly string[]): readonly string[] {
  let at = 0;
  for (;;) {
    const word = words[at];
    if (word === undefined) return [];
    if (/^(for|case|select)$/.test(word)) return [];
    if (KEYWORDS.test(word) || /^[A-Za-z_]\w*\+?=/.test(word)) {
      at += 1;
    } else if (WRAPPERS.has(baseName(word))) {
      at += 1;
      while (/^(-|\d+(\.\d+)?[smhd]?$)/.test(words[at] ?? 'x')) at += 1;
    } else {
      // A function's definition: its body is read as commands of its own.
      return words[at + 1] === '()' || word.endsWith('()') ? [] : words.slice(at);
    }
  }
}

interface HereDocument {
  readonly line: number;
  readonly body: string;
}

/** Takes here-documents out of a script, so that their text is not read as commands. */
function cutHereDocuments(
  source: string,
  firstLine: number,
): { readonly text: string; readonly documents: readonly HereDocument[] } {
  const lines = source.split('\n');
  const documents: HereDocument[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const open = /<<-?\s*(['"]?)([A-Za-z_]\w*)\1/.exec(lines[at] ?? '');
    if (open === null) continue;
    const end = lines.findIndex((line, index) => index > at && line.trim() === open[2]);
    const last = end < 0 ? lines.length : end;
    documents.push({ line: firstLine + at, body: lines.slice(at + 1, last).join('\n') });
    for (let inside = at + 1; inside <= last && inside < lines.length; inside += 1)
      lines[inside] = '';
    at = last;
  }
  return { text: lines.join('\n'), documents };
}

/** Simple commands: split at separators outside quotes; `$(...)` and backquotes are commands too. */
function commandsOf(text: string, firstLine: number): Command[] {
  const commands: Command[] = [];
  let words: string[] = [];
  let word: string | undefined;
  let line = firstLine;
  let start = firstLine;
  const endWord = (): void => {
    if (word !== undefined) words.push(word);
    word = undefined;
  };
  const endCommand = (): void => {
    endWord();
    if (words.length > 0) commands.push({ words, line: start });
    words = [];
    start = line;
  };
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at] ?? '';
    if (char === '#' && word === undefined) {
      const end = text.indexOf('\n', at);
      at = (end < 0 ? text.length : end) - 1;
    } else if (char === "'" || char === '"') {
      const end = closingQuote(text, at);
      const body = text.slice(at + 1, end);
      word = (word ?? '') + body;
      if (char === '"') commands.push(...substitutions(body, line));
      line += body.split('\n').length - 1;
      at = end;
    } else if (char === '\\') {
      word = (word ?? '') + (text[at + 1] ?? '');
      at += 1;
    } else if (char === '>' || char === '<') {
      // A redirection's target is no argument.
      endWord();
      const target = /^[<>&|]*\s*[^\s;|&<>()]*/.exec(text.slice(at))?.[0] ?? char;
      at += Math.max(0, target.length - 1);
    } else if (char === '\n' || char === ';' || char === '|' || char === '&' || char === '`') {
      endCommand();
      if (char === '\n') {
        line += 1;
        start = line;
      }
    } else if (char === '(' || char === ')') {
      if (char === '(' && text[at + 1] === ')') {
        word = `${word ?? ''}()`;
        at += 1;
      } else {
        endCommand();
      }
    } else if (char === ' ' || char === '\t' || char === '\r') {
      endWord();
    } else {
      word = (word ?? '') + char;
    }
  }
  endCommand();
  return commands.filter((command) => command.words.join('') !== '$');
}

function closingQuote(text: string, open: number): number {
  const quote = text[open];
  for (let at = open + 1; at < text.length; at += 1) {
    if (quote === '"' && text[at] === '\\') at += 1;
    else if (text[at] === quote) return at;
  }
  return text.length;
}

function substitutions(body: string, line: number): Command[] {
  return [...body.matchAll(/\$\(([^()]*)\)|`([^`]*)`/g)].flatMap((match) =>
    commandsOf(match[1] ?? match[2] ?? '', line),
  );
}

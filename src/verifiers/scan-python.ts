import { type PythonToken, pythonTokens } from './python-tokens.ts';

/** One place in a verifier that can run what the agent wrote. */
export interface ScanHit {
  readonly class: 'child' | 'in-process';
  /** From 1. */
  readonly line: number;
  /** The call or import, as a dotted name. */
  readonly what: string;
}

/** Starts a program; what it runs cannot be told from the source, so every use counts. */
const CHILD = [
  /^subprocess\.(run|Popen|call|check_call|check_output|getoutput|getstatusoutput|\*)$/,
  /^os\.(system|popen\d?|startfile|exec[lv]\w*|spawn[lv]\w*|posix_spawnp?)$/,
  /^pty\.(spawn|fork)$/,
  /^asyncio\.(subprocess\.)?create_subprocess_(exec|shell)$/,
  /^(pexpect|popen2|commands|sh|plumbum|invoke)\.\w+/,
];

/** Runs code, or data that can carry code, in the verifier's own process. */
const IN_PROCESS = [
  /^(builtins\.)?(exec|eval|execfile)$/,
  /^runpy\./,
  /^importlib\.(reload|\*)$/,
  /^importlib\.util\.(spec_from\w*|module_from_spec|\*)$/,
  /^importlib\.machinery\.\w*(Loader|Finder)$/,
  /^(imp|zipimport|pkgutil)\.(load_\w+|reload|zipimporter|get_loader|\*)$/,
  /^code\.(Interactive\w+|interact|compile_command)$/,
  /^types\.(FunctionType|CodeType)$/,
  /^(c|_)?[pP]ickle\.(loads?|Unpickler|\*)$/,
  /^(dill|cloudpickle|joblib|torch)\.loads?$/,
  /^(jsonpickle)\.decode$/,
  /^pandas\.read_pickle$/,
  /^marshal\.loads?$/,
  /^shelve\.(open|\w*Shelf)$/,
  /^yaml\.(unsafe_load|full_load|load_all|unsafe_load_all|full_load_all)$/,
  /^logging\.config\.(fileConfig|dictConfig)$/,
  /^doctest\.(testfile|testmod)$/,
  /^(pytest\.main|unittest\.(main|defaultTestLoader|TestLoader))$/,
  /^cProfile\.run(ctx)?$/,
  /^site\.addsitedir$/,
  /^ctypes\.(CDLL|PyDLL|cdll|pydll|\*)/,
];

/** Imports a module whose name is given: harmless where it is fixed and the search path is ours. */
const IMPORTS_BY_NAME =
  /^(importlib\.import_module|importlib\.__import__|(builtins\.)?__import__)$/;
const SAFE_YAML_LOADER = /^C?(SafeLoader|BaseLoader)$/;
const BUILTINS = new Set(['exec', 'eval', 'execfile', '__import__']);

/**
 * A word that each rule above and below needs somewhere in the source. Most verifiers have none, and
 * are not read any further. A new rule adds its word here.
 */
const NEEDED_WORD = new RegExp(
  [
    'subprocess|system|popen|startfile|spawn|fork|pexpect|plumbum|runpy|importlib|zipimport|pkgutil',
    'Interactive|interact|compile_command|FunctionType|CodeType|[pP]ickle|dill|joblib|torch|marshal',
    'shelve|yaml|fileConfig|dictConfig|doctest|pytest|unittest|cProfile|addsitedir|ctypes|getattr',
    '__import__|meta_path|path_hooks|\\bexec|\\beval\\b|\\b(commands|sh|invoke|imp)\\b',
    // sys.path by its name, by an alias of sys, or imported from it
    '\\bsys[\\s\\\\]*\\.[\\s\\\\]*path|\\bsys\\s+as\\b|\\bfrom\\s+sys\\b',
  ].join('|'),
);

/** Every place in Python source that runs, or may run, other code than the verifier's. */
export function scanPython(source: string, firstLine = 1): ScanHit[] {
  if (!NEEDED_WORD.test(source)) return [];
  const tokens = pythonTokens(source, firstLine);
  const names = importedNames(tokens);
  const hits: ScanHit[] = [...names.hits];
  const byName: ScanHit[] = [];
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at];
    if (token?.kind !== 'name') continue;
    const chain = chainAt(tokens, at, names.paths);
    if (chain === undefined || names.inImports.has(token)) continue;
    const hit = classify(chain, tokens, names.paths);
    if (hit === undefined) continue;
    if (hit.fixedName) byName.push(hit.hit);
    else hits.push(hit.hit);
  }
  // A fixed module name can only mean the agent's file once the search path was changed.
  const pathChanged = hits.some((hit) => hit.what === 'sys.path' || hit.what === 'site.addsitedir');
  return [...hits, ...(pathChanged ? byName : [])].toSorted((a, b) => a.line - b.line);
}

interface ImportedNames {
  /** Local name to dotted path. */
  readonly paths: ReadonlyMap<string, string>;
  readonly hits: readonly ScanHit[];
  /** Tokens of import statements: their names are no uses. */
  readonly inImports: ReadonlySet<PythonToken>;
}

function importedNames(tokens: readonly PythonToken[]): ImportedNames {
  const paths = new Map<string, string>();
  const hits: ScanHit[] = [];
  const inImports = new Set<PythonToken>();
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at];
    if (token?.kind !== 'name' || (token.text !== 'import' && token.text !== 'from')) continue;
    if (!startsStatement(tokens, at)) continue;
    const rest = statementTokens(tokens, at + 1);
    const words = rest.map((one) => one.text);
    for (const one of rest) inImports.add(one);
    if (token.text === 'import') {
      for (const [path, alias] of clauses(words)) {
        if (alias === undefined) paths.set(path.split('.')[0] ?? path, path.split('.')[0] ?? path);
        else paths.set(alias, path);
      }
    } else {
      const cut = words.indexOf('import');
      if (cut < 0) continue;
      const module = words.slice(0, cut).join('');
      for (const [name, alias] of clauses(words.slice(cut + 1))) {
        const path = `${module}.${name}`;
        if (name === '*') hits.push(...matching(path, token.line));
        else paths.set(alias ?? name, path);
      }
    }
  }
  return { paths, hits, inImports };
}

function startsStatement(tokens: readonly PythonToken[], at: number): boolean {
  const before = tokens[at - 1];
  return before === undefined || before.kind === 'newline' || /^[;:]$/.test(before.text);
}

/** The words of a statement up to its end; parentheses are dropped and span lines. */
function statement(tokens: readonly PythonToken[], from: number): string[] {
  return statementTokens(tokens, from).map((token) => token.text);
}

function statementTokens(tokens: readonly PythonToken[], from: number): PythonToken[] {
  const words: PythonToken[] = [];
  let depth = 0;
  for (let at = from; at < tokens.length; at += 1) {
    const token = tokens[at];
    if (token === undefined || (depth === 0 && (token.kind === 'newline' || token.text === ';')))
      break;
    if (token.text === '(') depth += 1;
    else if (token.text === ')') depth -= 1;
    else if (token.kind !== 'newline') words.push(token);
  }
  return words;
}

/** `a.b as c, d` as pairs of dotted path and alias. */
function clauses(words: readonly string[]): [string, string | undefined][] {
  const pairs: [string, string | undefined][] = [];
  for (const clause of words.join(' ').split(',')) {
    const [path = '', alias] = clause.split(' as ');
    const dotted = path.replaceAll(' ', '');
    if (dotted !== '') pairs.push([dotted, alias?.trim()]);
  }
  return pairs;
}

interface Chain {
  /** Dotted path with the first name resolved through the imports. */
  readonly path: string;
  readonly line: number;
  /** Index of the token after the chain. */
  readonly next: number;
}

/** A dotted name that starts at a token; undefined for attributes, definitions and imports. */
function chainAt(
  tokens: readonly PythonToken[],
  at: number,
  paths: ReadonlyMap<string, string>,
): Chain | undefined {
  const first = tokens[at];
  const before = tokens[at - 1];
  if (first?.kind !== 'name' || before?.text === '.') return undefined;
  if (before?.kind === 'name' && /^(def|class|as)$/.test(before.text)) return undefined;
  const imported = paths.get(first.text);
  if (imported === undefined && !BUILTINS.has(first.text) && first.text !== 'getattr')
    return undefined;
  const parts = [imported ?? first.text];
  let next = at + 1;
  for (;;) {
    const name = tokens[next + 1];
    if (tokens[next]?.text !== '.' || name?.kind !== 'name') break;
    parts.push(name.text);
    next += 2;
  }
  return { path: parts.join('.'), line: first.line, next };
}

function classify(
  chain: Chain,
  tokens: readonly PythonToken[],
  paths: ReadonlyMap<string, string>,
): { readonly hit: ScanHit; readonly fixedName: boolean } | undefined {
  const { path, line } = chain;
  const inProcess = (what: string, fixedName = false) =>
    ({ hit: { class: 'in-process', line, what }, fixedName }) as const;
  const called = tokens[chain.next]?.text === '(';
  if (BUILTINS.has(path) && !called) return undefined;
  if (IMPORTS_BY_NAME.test(path)) return inProcess(path, hasFixedName(tokens, chain.next));
  if (/^sys\.(path|meta_path|path_hooks)\b/.test(path)) {
    return changesSearchPath(chain, tokens) ? inProcess('sys.path') : undefined;
  }
  if (path === 'yaml.load') return safeYaml(tokens, chain.next) ? undefined : inProcess(path);
  if (path === 'getattr') return reflection(tokens, chain, paths);
  const [hit] = matching(path, line);
  return hit === undefined ? undefined : { hit, fixedName: false };
}

function matching(path: string, line: number): ScanHit[] {
  if (CHILD.some((rule) => rule.test(path))) return [{ class: 'child', line, what: path }];
  if (IN_PROCESS.some((rule) => rule.test(path)))
    return [{ class: 'in-process', line, what: path }];
  return [];
}

/** `import_module("yaml")`: the first argument is one literal. */
function hasFixedName(tokens: readonly PythonToken[], open: number): boolean {
  return (
    tokens[open]?.text === '(' &&
    tokens[open + 1]?.kind === 'string' &&
    /^[,)]$/.test(tokens[open + 2]?.text ?? '')
  );
}

/** An insertion or assignment, unless it names the verifier's own folder by `__file__`. */
function changesSearchPath(chain: Chain, tokens: readonly PythonToken[]): boolean {
  const words = statement(tokens, chain.next);
  const grows = /\.(insert|append|extend|__setitem__)$/.test(chain.path);
  const assigned = /^(\[[^=]*\])?\+?=(?!=)/.test(words.join(''));
  return (grows || assigned) && !words.includes('__file__');
}

function safeYaml(tokens: readonly PythonToken[], open: number): boolean {
  const words = argumentsAt(tokens, open);
  return words.some((word) => SAFE_YAML_LOADER.test(word));
}

/** `getattr(os, ...)`: which function it is cannot be told, so the module's worst is taken. */
function reflection(
  tokens: readonly PythonToken[],
  chain: Chain,
  paths: ReadonlyMap<string, string>,
): { readonly hit: ScanHit; readonly fixedName: boolean } | undefined {
  const [module = ''] = argumentsAt(tokens, chain.next);
  const path = paths.get(module) ?? module;
  if (!/^(os|subprocess|builtins|__builtins__|importlib)$/.test(path)) return undefined;
  const kind = path === 'os' || path === 'subprocess' ? 'child' : 'in-process';
  return {
    hit: { class: kind, line: chain.line, what: `getattr(${path}, ...)` },
    fixedName: false,
  };
}

function argumentsAt(tokens: readonly PythonToken[], open: number): string[] {
  const words: string[] = [];
  let depth = 0;
  for (let at = open; at < tokens.length; at += 1) {
    const text = tokens[at]?.text ?? '';
    if (text === '(') depth += 1;
    if (text === ')') depth -= 1;
    if (depth === 0) break;
    if (at > open) words.push(text);
  }
  return words;
}

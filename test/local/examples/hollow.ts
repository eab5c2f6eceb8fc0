import type { Example, Node, Tree } from './example.ts';
import { type Case, withNode, without } from './mutants.ts';

/** Workspaces in which nothing was achieved: every check of a verifier must be 0. */
export function hollowCases(example: Example): Case[] {
  const { inputs } = example;
  return [
    { name: 'nop', tree: inputs },
    { name: 'empty workspace', tree: new Map() },
    ...fillings(example).map(([name, node]) => ({ name, tree: filled(example, inputs, node) })),
    ...[...inputs].map(([path, node]) => ({
      name: `${path} copied as every output`,
      tree: filled(example, inputs, () => node),
    })),
    ...[...inputs].flatMap(([path]) => [
      { name: `lazy, ${path} deleted`, tree: without(lazy(example), path) },
      { name: `lazy, ${path} emptied`, tree: withNode(lazy(example), path, Buffer.alloc(0)) },
    ]),
    {
      name: 'lazy, all inputs emptied',
      tree: new Map([...lazy(example)].map(([path]) => [path, Buffer.alloc(0)])),
    },
  ];
}

type Filling = (path: string) => Node;

function fillings(example: Example): [string, Filling][] {
  const bytes =
    (text: string): Filling =>
    () =>
      Buffer.from(text);
  return [
    ['empty files', bytes('')],
    ['placeholders by type', (path) => Buffer.from(placeholder(path))],
    ['headers only', (path) => Buffer.from(header(example, path))],
    ['an empty list', bytes('[]\n')],
    ['a list of null', bytes('[null, {}, [], ""]')],
    ['null', bytes('null')],
    ['a number', bytes('1')],
    ['zeros', bytes('0\n')],
    ['TODO', bytes('TODO\n')],
    ['folders', () => ({ folder: true })],
    ['links out', () => ({ link: '/proc/self/status' })],
    ['links to nothing', () => ({ link: 'nowhere' })],
    ['binary', () => Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 97) % 256))],
    ['NUL bytes', () => Buffer.alloc(4096)],
    ['deep lists', bytes('['.repeat(100_000))],
    ['deep objects', bytes('{"a":'.repeat(50_000))],
    ['deep closed lists', bytes('['.repeat(20_000) + ']'.repeat(20_000))],
    ['deep brackets', bytes(`x = ${'('.repeat(5_000)}1${')'.repeat(5_000)}\n`)],
    ['deep negation', bytes(`x = ${'-'.repeat(60_000)}1\n`)],
    ['huge number', bytes('9'.repeat(500_000))],
    ['huge exponent', bytes('{"total_spent": 1e999999999, "matched": -1e400}')],
    ['NaN', bytes('{"matched": NaN, "total_spent": Infinity}')],
    ['too large', bytes('a,b\n'.repeat(600_000))],
    ['open quote', bytes(`a,"${'b'.repeat(200_000)}`)],
  ];
}

/** Lazy as the agent does it: every output that does not exist gets its placeholder. */
function lazy(example: Example): Tree {
  const made = example.entry.clawgym.task.outputs.map(({ path }): [string, Node] => [
    path,
    Buffer.from(placeholder(path)),
  ]);
  return new Map([...made, ...example.inputs]);
}

function filled(example: Example, inputs: Tree, node: Filling): Tree {
  const made = example.entry.clawgym.task.outputs.map(({ path }): [string, Node] => [
    path,
    node(path),
  ]);
  return new Map([...inputs, ...made]);
}

function placeholder(path: string): string {
  if (path.endsWith('.json')) return '{}\n';
  if (path.endsWith('.csv')) return 'a,b\n1,2\n';
  if (path.endsWith('.md')) return '# Placeholder\n\nplaceholder\n';
  if (path.endsWith('.ini')) return '[placeholder]\n';
  if (path.endsWith('.ics')) return 'BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n';
  return 'placeholder\n';
}

/** The header line that the instruction gives for a CSV, else all back-to-back lines it spells out. */
function header(example: Example, path: string): string {
  const at = example.entry.user_query.indexOf(path);
  const named = /header ([a-z_,]+)/.exec(example.entry.user_query.slice(at));
  if (path.endsWith('.csv')) return `${named?.[1] ?? ''}\n`;
  return example.entry.user_query.slice(at);
}

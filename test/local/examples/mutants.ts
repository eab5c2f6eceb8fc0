import { type ExampleOutput, type Node, type Tree, textAt } from './example.ts';
import { jsonMutants, jsonVariants } from './json-mutants.ts';
import { csvMutants, csvVariants } from './table-mutants.ts';

/** A changed file or workspace, with the name under which a survivor is reported. */
export interface Case {
  readonly name: string;
  readonly tree: Tree;
}

export interface TextCase {
  readonly name: string;
  readonly text: string;
}

/** Changes of meaning: a verifier must score each below 1. */
export function mutantsOf(solved: Tree, output: ExampleOutput): Case[] {
  const { path } = output;
  const text = textAt(solved, path);
  const moved = path.includes('/') ? `elsewhere/${path}` : `elsewhere-${path}`;
  const placed: Case[] = [
    { name: 'deleted', tree: without(solved, path) },
    { name: 'folder', tree: withNode(solved, path, { folder: true }) },
    {
      name: 'wrong path',
      tree: withNode(without(solved, path), moved, Buffer.from(text)),
    },
    {
      name: 'link',
      tree: withNode(solved, path, { link: '/proc/self/environ' }),
    },
    { name: 'utf-16', tree: withNode(solved, path, Buffer.from(`\ufeff${text}`, 'utf16le')) },
  ];
  const changed: TextCase[] = [
    { name: 'emptied', text: '' },
    { name: 'truncated', text: text.slice(0, Math.floor(text.length / 2)) },
    ...numbersUp(text),
  ];
  if (output.format === 'json') changed.push(...jsonMutants(text, output.orderMatters));
  else if (output.format === 'csv') changed.push(...csvMutants(text, output.orderMatters));
  else {
    // Statements of a program that do not depend on each other may stand in any order.
    changed.push(...lineMutants(text, output.orderMatters && output.format !== 'python'));
  }
  return [...placed, ...withTexts(solved, path, changed)].map((mutant) => ({
    ...mutant,
    name: `${path}: ${mutant.name}`,
  }));
}

/** Changes of form: a verifier must score each 1. */
export function variantsOf(solved: Tree, output: ExampleOutput): Case[] {
  const text = textAt(solved, output.path);
  const variants: TextCase[] = [
    { name: 'no newline at the end', text: text.trimEnd() },
    { name: 'two newlines at the end', text: `${text.trimEnd()}\n\n` },
    { name: 'CRLF', text: text.replace(/\r?\n/g, '\r\n') },
    { name: 'LF', text: text.replace(/\r\n/g, '\n') },
    { name: 'byte-order mark', text: `\ufeff${text}` },
  ];
  if (output.format !== 'json') {
    variants.push({ name: 'blanks at line ends', text: text.replace(/(\r?\n)/g, '  $1') });
  }
  if (output.format === 'json') variants.push(...jsonVariants(text, output.orderMatters));
  if (output.format === 'csv') variants.push(...csvVariants(text, output.orderMatters));
  if (output.format === 'markdown') {
    variants.push({ name: 'blank lines', text: text.replace(/^(#.*)$/gm, '\n$1\n') });
  }
  return withTexts(solved, output.path, variants).map((variant) => ({
    ...variant,
    name: `${output.path}: ${variant.name}`,
  }));
}

/** Each whole number in the text made larger by one, wherever it stands. */
function numbersUp(text: string): TextCase[] {
  return [...text.matchAll(/[0-9]+/g)].map((match) => {
    const raised = String(BigInt(match[0]) + 1n).padStart(match[0].length, '0');
    const after = text.slice(match.index + match[0].length);
    return {
      name: `number ${match[0]} at ${match.index} -> ${raised}`,
      text: text.slice(0, match.index) + raised + after,
    };
  });
}

function lineMutants(text: string, orderMatters: boolean): TextCase[] {
  const lines = text.split('\n');
  return lines.flatMap((line, index): TextCase[] => {
    if (line.trim() === '') return [];
    const next = lines.findIndex((other, at) => at > index && other.trim() !== '');
    const swapped = lines.with(index, lines[next] ?? '').with(Math.max(next, 0), line);
    return [
      { name: `without line ${line}`, text: lines.toSpliced(index, 1).join('\n') },
      { name: `twice line ${line}`, text: lines.toSpliced(index, 0, line).join('\n') },
      ...(orderMatters && next > 0 && lines[next] !== line
        ? [{ name: `line ${line} moved down`, text: swapped.join('\n') }]
        : []),
    ];
  });
}

function withTexts(tree: Tree, path: string, cases: readonly TextCase[]): Case[] {
  return cases.map(({ name, text }) => ({ name, tree: withNode(tree, path, Buffer.from(text)) }));
}

export function withNode(tree: Tree, path: string, node: Node): Map<string, Node> {
  return new Map([...tree, [path, node]]);
}

export function without(tree: Tree, path: string): Map<string, Node> {
  return new Map([...tree].filter(([other]) => other !== path));
}

import { ownValue } from '../base/own-value.ts';
import { distinctNamedPaths } from './named-paths.ts';
import type { TaskOutput } from './task.ts';

const FORMATS: Readonly<Record<string, TaskOutput['format']>> = {
  txt: 'text',
  text: 'text',
  log: 'text',
  md: 'markdown',
  markdown: 'markdown',
  json: 'json',
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  csv: 'csv',
  tsv: 'tsv',
  yaml: 'yaml',
  yml: 'yaml',
  xml: 'xml',
  svg: 'xml',
  html: 'html',
  htm: 'html',
  py: 'python',
  pdf: 'binary',
  png: 'binary',
  jpg: 'binary',
  jpeg: 'binary',
  xlsx: 'binary',
  zip: 'binary',
};

/** Format of a file by its extension; `text` where the extension says nothing. */
export function formatOf(path: string): TaskOutput['format'] {
  return ownValue(FORMATS, path.slice(path.lastIndexOf('.') + 1).toLowerCase()) ?? 'text';
}

const MADE = /^(?:out|outputs?|build|reports?|results?|artifacts|deliver\w*|dist)\//i;
const MAKES =
  /\b(?:write|save|create|generate|produce|output|export|store|put|build|draft|compose|deliverables?)\b/i;

/**
 * Outputs that the instruction names without doubt: files that are no input and stand in an output
 * folder, or in a line that orders them to be made. May be empty: `outputs` is a help, not a rule.
 */
export function namedOutputs(
  instruction: string,
  inputs: readonly { readonly path: string }[],
  workspacePath: string,
): TaskOutput[] {
  const given = new Set(
    inputs.flatMap(({ path }) => [path, path.slice(path.lastIndexOf('/') + 1)]),
  );
  return distinctNamedPaths(instruction, workspacePath)
    .filter(({ path, folder, index }) => {
      if (folder || given.has(path) || !/\.[A-Za-z0-9]+$/.test(path)) return false;
      if (MADE.test(path)) return true;
      const line = instruction.slice(instruction.lastIndexOf('\n', index) + 1, index);
      return MAKES.test(line.slice(-160));
    })
    .map(({ path }) => ({ path, format: formatOf(path), orderMatters: true }));
}

import type { Draft, RecordData } from '../record.ts';

/** Texts that several prompts show of a record. */

type Files = NonNullable<RecordData['files']>;
const MAX_SHOWN = 60_000;

/** The draft without the bodies of its files. */
export function specification({ instruction, files, outputs, expected }: Draft): string {
  return [
    `Instruction:\n${instruction}`,
    `Files that are given:\n${list(files.map(({ path, purpose }) => `${path}: ${purpose}`))}`,
    `Files that must be made:\n${list(outputs)}`,
    `What a right result shows:\n${list(expected)}`,
  ].join('\n\n');
}

/** Files as blocks, in the form in which a model writes them. */
export function fileText(files: Files | undefined): string {
  if (files === undefined || files.length === 0) return '(none)';
  const text = files
    .map(({ path, text: body }) => `===FILE: ${path}===\n${body}===END===`)
    .join('\n');
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}\n(cut here)`;
}

const list = (items: readonly string[]): string =>
  items.length === 0 ? '- (none)' : items.map((item) => `- ${item}`).join('\n');

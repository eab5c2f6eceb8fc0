import { namedPaths } from './named-paths.ts';
import type { InputFile } from './task.ts';

/** What is known of an input when its mode is decided. */
export interface ModeInput {
  readonly path: string;
}

type Mode = InputFile['mode'];

interface Mention {
  /** Paths of inputs that the mention stands for: one file, or all files of a folder. */
  readonly inputs: readonly string[];
  readonly folder: boolean;
  readonly start: number;
  readonly end: number;
}

const EDIT = `(?:edit|modif(?:y|i)|updat|chang|fix|patch|amend|refactor|overwrit|extend|correct|repair|renam|delet|mov|append|replac|adjust|complet|migrat|fill|bump|sort|clean|rewrit|re-?format|normali[sz]|deduplicat|redact|annotat|translat|reorganis|reorganiz)`;
/** Verbs that often make a new file out of an old one: they count only with "in place". */
const WEAK =
  /^(?:rewrit|clean|normali|deduplicat|redact|annotat|translat|sort|re-?format|complet|replac|fill)/i;
const VERB = new RegExp(String.raw`\b${EDIT}(?:e|ing|y)?\b`, 'gi');
/** Words before a path that make it a source. */
const SOURCE =
  /\b(?:using|from|based on|according to|with|via|per|source of truth:?)\s+(?:the\s+)?[`'"(]*$/i;
/** Words between a verb and a path after which the path is no longer the verb's object. */
const BREAK =
  /\b(?:in|into|provided|given|using|from|based on|according to|with|so|that|when|whether|if|listed|match(?:es|ing)?|reflects?|reads?|per|by|for each|starting|derived|save|write|produce|create|generate|output|report|summary of|list of|copy)\b|[;:→]|—/i;
const NEGATION =
  /(?:\bnot|n['’]t|\bnever|\bwithout|\bavoid|\bno need to|\bcannot)\s+(?:\w+\s+){0,2}$/i;
const JOINED = /^[\s`'"*,&]*(?:and|or|as well as)?[\s`'"*]*(?:the\s+)?$/i;
/** "Add X to PATH", "append a row to PATH", "set Y in PATH", "save the changes to PATH". */
const INTO =
  /\b(?:add|append|insert|save|write|record|log|set|change|replace|remove|fix|implement|bump|correct|update|put|place|merge|store)(?:ing)?\b(?:(?!\b(?:from|using|so|that|then|match|based|each|compute|under|following|requirements|than|of the|and (?:save|write|produce|create))\b|[.;:](?:\s|$)).){0,120}?\b(?:back to|to|into|in|inside)\s+(?:the\s+)?(?:existing\s+|file\s+|end of\s+|top of\s+)*[`'"(]*$/i;
const INTO_VERB = /^(?:save|write|record|log|put|place|store)/i;
/** Participles before a path: "the modified PATH", "edited PATH". */
const PARTICIPLE =
  /\b(?:modified|edited|patched|amended|corrected|repaired|refactored|fixed|updated)\s+(?:version of\s+)?[`'"*]*$/i;
const AFTER =
  /^[`'"*)]*\s*(?:[-–—(:,]\s*)?(?:(?:this|it|which)\s+)?(?:(?:is |are |must be |should be |has to be |needs to be |to be )?(?:modified|edited|updated|changed|patched|fixed|amended)\b|\(?in[- ]place\b|(?:must|should|to|will)\s+(?:be\s+)?(?:edit|modif|updat|chang|contain the updated))/i;
const REDIRECT =
  /^(?:(?!\b(?:so|that|which)\b).)*?(?:\binto\s+[`'"]*|(?:\band|,|;|\bthen)\s+(?:then\s+)?(?:sav|writ|stor|export|output|plac|produc|put)\w*\s+(?:(?:it|them|this|the (?:result|rewritten|edited|updated|revised|modified|final|new|corrected|cleaned|completed|filled)[\w ]{0,30}|your \w+|a (?:new|revised|updated|corrected)[\w ]{0,30})\s+)?(?:to|as|at|in|under)?\s*[`'"]*)$/i;

/**
 * Whether changing an input is part of the job (design: rollouts.md 7): `editable` where the
 * instruction names it with an edit verb and no other file as the target, else `protected`. `changed`
 * holds the paths that the reference solution changes. A reviewed overlay overrides the result.
 */
export function inputModes(
  instruction: string,
  inputs: readonly ModeInput[],
  changed: ReadonlySet<string> = new Set(),
): Map<string, Mode> {
  const paths = inputs.map(({ path }) => path);
  const modes = new Map<string, Mode>(
    paths.map((path) => [path, changed.has(path) ? 'editable' : 'protected']),
  );
  if (paths.length === 0) return modes;
  const mentionsOf = mentionFinder(paths);
  for (const sentence of sentencesOf(instruction)) {
    const mentions = mentionsOf(sentence);
    for (const [position, mention] of mentions.entries()) {
      const previous = mentions[position - 1];
      if (isEdited(sentence, mention, previous, paths)) {
        for (const path of mention.inputs) modes.set(path, 'editable');
      }
    }
  }
  return modes;
}

/** Lines, then sentences; a dot inside a file name is not followed by a space. */
function sentencesOf(text: string): string[] {
  return text
    .slice(0, 200_000)
    .split('\n')
    .flatMap((line) => line.slice(0, 4_000).split(/(?<=[.;!?])\s+(?=[A-Z`"'(\d])/));
}

function isEdited(
  sentence: string,
  mention: Mention,
  previous: Mention | undefined,
  inputs: readonly string[],
): boolean {
  const before = sentence.slice(0, mention.start);
  const after = sentence.slice(mention.end);
  if (quoted(before)) return false;
  if (saysInPlace(sentence) && !SOURCE.test(before)) return true;
  if (AFTER.test(after) && !FORBIDDEN.test(before) && !/^[^.]*\bnot\b/i.test(after.slice(0, 30)))
    return !redirected(after, inputs);
  if (PARTICIPLE.test(before)) return !/\b(?:using|from|with|reads?)\b[^,;]*$/i.test(before);
  const into = INTO.exec(before);
  if (
    into &&
    !mention.folder &&
    !NEGATION.test(before.slice(0, into.index)) &&
    !NOUN.test(before.slice(0, into.index))
  ) {
    if (INTO_VERB.test(into[0]) && /\b(?:in|inside|from)\s+\S*$/i.test(before)) return false;
    return !redirected(after, inputs);
  }
  return verbGoverns(sentence, mention, previous, inputs);
}

/** A verb whose object is the path, or a path joined to such an object by "and". */
function verbGoverns(
  sentence: string,
  mention: Mention,
  previous: Mention | undefined,
  inputs: readonly string[],
): boolean {
  const before = sentence.slice(0, mention.start);
  const after = sentence.slice(mention.end);
  for (const verb of [...before.matchAll(VERB)].toReversed()) {
    const gap = before.slice(verb.index + verb[0].length);
    if (gap.length > 80 || BREAK.test(gap)) break;
    if (NEGATION.test(before.slice(0, verb.index))) return false;
    if (nounUse(before.slice(0, verb.index), gap)) continue;
    const between =
      previous && previous.start > verb.index ? sentence.slice(previous.end, mention.start) : '';
    if (between !== '' && !JOINED.test(between)) break;
    if (WEAK.test(verb[0])) return false;
    return !redirected(after, inputs);
  }
  return false;
}

/** "in place" or "in-place", unless the sentence forbids it. */
function saysInPlace(sentence: string): boolean {
  const found = /\bin[- ]place\b/i.exec(sentence);
  return (
    found !== null &&
    !/(?:\bnot|n['’]t|\bnever|\bwithout)\b[^;]{0,60}$/i.test(sentence.slice(0, found.index))
  );
}

/** A prohibition that still holds at the end of the text. */
const FORBIDDEN = /(?:\bnot|n['’]t|\bnever|\bwithout)\b[^;]{0,40}$/i;
const NOUN = /\b(?:an?|the|this|that|recent|latest|each|any|last|most)\s+$/i;

/** "the latest update in", "a fix for": the word is a noun. */
function nounUse(before: string, gap: string): boolean {
  return NOUN.test(before) && /^\s*(?:of|in|for|to|on)\b/i.test(gap);
}

/** The sentence goes on to put the result into another file. */
function redirected(after: string, inputs: readonly string[]): boolean {
  return namedPaths(after).some(
    ({ path, index }) => !inputs.includes(path) && REDIRECT.test(after.slice(0, index)),
  );
}

/** Inside double quotes: text that the agent shall write, not an order to it. */
function quoted(before: string): boolean {
  const straight = before.split('"').length - 1;
  const opened = before.lastIndexOf('“');
  return straight % 2 === 1 && !before.endsWith('"') ? true : opened > before.lastIndexOf('”');
}

function mentionFinder(paths: readonly string[]): (sentence: string) => Mention[] {
  const byName = new Map<string, string[]>();
  for (const path of paths) {
    const name = path.slice(path.lastIndexOf('/') + 1);
    byName.set(name, [...(byName.get(name) ?? []), path]);
  }
  const known = new Set(paths);
  const names = [
    ...new Set(
      paths.flatMap((path) => [path.slice(path.lastIndexOf('/') + 1), ...foldersOf(path)]),
    ),
  ];
  return (sentence) =>
    !names.some((name) => sentence.includes(name))
      ? []
      : namedPaths(sentence).flatMap(({ path, folder, index, length }) => {
          const inputs = resolve(path, folder, known, byName);
          return inputs.length === 0 ? [] : [{ inputs, folder, start: index, end: index + length }];
        });
}

/** `a/b/c.txt` stands in `a` and `a/b`. */
function foldersOf(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

function resolve(
  path: string,
  folder: boolean,
  known: ReadonlySet<string>,
  byName: ReadonlyMap<string, string[]>,
): string[] {
  if (known.has(path)) return [path];
  const named = path.includes('/') ? undefined : byName.get(path);
  if (named?.length === 1) return named;
  return folder ? [...known].filter((input) => input.startsWith(`${path}/`)) : [];
}

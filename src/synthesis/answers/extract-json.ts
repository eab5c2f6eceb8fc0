import { parseJson } from '../../base/brand.ts';
import { errorMessage } from '../../base/error.ts';

/** A part of a model's answer, or what is wrong with it: a sentence that the model can act on. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: string };

const FENCE = /```(?:json)?[ \t]*\n([\s\S]*?)\n[ \t]*```/;

/**
 * The JSON object of an answer: the whole text, a fenced block, or the first object whose braces
 * balance. Text after the end of a reasoning block counts, text in it does not.
 */
export function extractJson(answer: string): Parsed<unknown> {
  const text = withoutReasoning(answer).trim();
  const candidates = [text, FENCE.exec(text)?.[1], firstObject(text)];
  let problem = 'there is no JSON object in it';
  for (const candidate of candidates) {
    if (candidate === undefined || !candidate.trimStart().startsWith('{')) continue;
    try {
      return { ok: true, value: parseJson(candidate) };
    } catch (thrown) {
      problem = `its JSON cannot be read: ${errorMessage(thrown).slice(0, 200)}`;
    }
  }
  return { ok: false, problem };
}

/** What reasoning models put before their answer is dropped. */
export function withoutReasoning(text: string): string {
  const end = text.lastIndexOf('</think>');
  return end < 0 ? text : text.slice(end + '</think>'.length);
}

/** Linear: from the first brace to the one that closes it, strings skipped. */
function firstObject(text: string): string | undefined {
  const start = text.indexOf('{');
  if (start < 0) return undefined;
  let depth = 0;
  let quoted = false;
  for (let index = start; index < text.length; index += 1) {
    const char = text[index];
    if (quoted) {
      if (char === '\\') index += 1;
      else if (char === '"') quoted = false;
    } else if (char === '"') quoted = true;
    else if (char === '{') depth += 1;
    else if (char === '}') {
      depth -= 1;
      if (depth === 0) return text.slice(start, index + 1);
    }
  }
  return undefined;
}

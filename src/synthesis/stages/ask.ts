import type { Parsed } from '../answers/extract-json.ts';
import type { Role } from '../model-caller.ts';
import { type PromptName, renderPrompt } from '../prompts.ts';
import type { RecordData } from '../record.ts';
import type { Stage } from '../stage-names.ts';
import type { StageContext, StageInput, StageResult } from './stage.ts';

/** Answers that are asked for before a record is given up. */
export const MAX_TRIES = 3;

export interface Question<T> {
  readonly stage: Stage;
  readonly prompt: PromptName;
  readonly role: Role;
  readonly values: Readonly<Record<string, string>>;
  readonly parse: (text: string) => Parsed<T>;
}

export interface Asked<T> {
  readonly answer: Parsed<T>;
  /** The record with the call in its list. */
  readonly data: RecordData;
}

/** One model call of a stage; `label` tells the calls of a record apart. */
export async function ask<T>(
  { number, data }: StageInput,
  question: Question<T>,
  label: string,
  { caller, prompts, signal }: StageContext,
): Promise<Asked<T>> {
  const { stage, role, values } = question;
  const head = `Record ${number}, ${label}.`;
  const prompt = renderPrompt(prompts, question.prompt, { request: head, ...values });
  const { callId, text } = await caller.ask({ number, label, stage, role, prompt }, signal);
  const answer = text.ok ? question.parse(text.value) : text;
  return { answer, data: { ...data, calls: [...data.calls, callId] } };
}

/**
 * Asks a stage's question; an answer that cannot be read is asked for again with what was wrong with
 * it, and after `MAX_TRIES` the record is rejected.
 */
export async function askFor<T>(
  input: StageInput,
  question: Question<T>,
  context: StageContext,
  use: (value: T, data: RecordData) => StageResult,
): Promise<StageResult> {
  const { malformed } = input.data;
  const tries = malformed.length + 1;
  const label = tries === 1 ? question.stage : `${question.stage}-${tries}`;
  const last = malformed.at(-1);
  const feedback =
    last === undefined
      ? ''
      : `\nYour last answer could not be used: ${last}. Answer again, exactly in the form below.\n`;
  const values = { ...question.values, feedback };
  const asked = await ask(input, { ...question, values }, label, context);
  if (asked.answer.ok) return use(asked.answer.value, { ...asked.data, malformed: [] });
  const data = { ...asked.data, malformed: [...malformed, asked.answer.problem] };
  if (data.malformed.length < MAX_TRIES) return { kind: 'again', data };
  const message = `${question.stage}: no usable answer in ${MAX_TRIES} tries; the last: ${asked.answer.problem}`;
  return { kind: 'rejected', data, reason: 'MalformedAnswer', message };
}

import { z } from 'zod';
import { parseJson } from '../base/brand.ts';
import { ClawError, errorMessage } from '../base/error.ts';

/** A recorded model: fixed answers by task and turn (docs/reference/recording.md). */
export const RECORDING_SCHEMA = 'clawgym.recording/v1';

const zHeader = z.strictObject({
  schema: z.literal(RECORDING_SCHEMA),
  /** Name that agents ask for. */
  model: z.string().min(1),
  /** What was recorded, when and from what; for those who open the file. */
  note: z.string().default(''),
});

export const zRecordedTurn = z.strictObject({
  content: z.string().optional(),
  tool_calls: z
    .array(
      z.strictObject({ name: z.string().min(1), arguments: z.record(z.string(), z.unknown()) }),
    )
    .default([]),
  usage: z
    .strictObject({ prompt_tokens: z.int().min(0), completion_tokens: z.int().min(0) })
    .optional(),
});
export type RecordedTurn = z.infer<typeof zRecordedTurn>;

const zRow = z.strictObject({
  task: z.string().min(1),
  /** The row answers requests whose first user message contains this text. */
  match: z.string().min(1),
  turns: z.array(zRecordedTurn).min(1),
});
export type RecordedTask = z.infer<typeof zRow>;

export interface Recording {
  readonly model: string;
  readonly note: string;
  readonly tasks: readonly RecordedTask[];
}

/** Parses a recording file. `place` names it in errors, which are `InvalidInput` with line and field. */
export function parseRecording(text: string, place: string): Recording {
  const lines = text.split('\n').map((line, index) => ({ line: line.trim(), number: index + 1 }));
  const [first, ...rest] = lines.filter(({ line }) => line !== '');
  if (first === undefined) {
    throw new ClawError(
      'InvalidInput',
      `${place}: empty; expected a ${RECORDING_SCHEMA} header line`,
    );
  }
  const header = parseLine(zHeader, first.line, `${place}:${first.number}`);
  const tasks = rest.map(({ line, number }) => parseLine(zRow, line, `${place}:${number}`));
  return { ...header, tasks };
}

function parseLine<T>(schema: z.ZodType<T>, line: string, place: string): T {
  let value: unknown;
  try {
    value = parseJson(line);
  } catch (thrown) {
    throw new ClawError('InvalidInput', `${place}: not JSON (${errorMessage(thrown)})`, {
      cause: thrown,
    });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(
    (issue) => `${issue.path.join('.') || 'line'}: ${issue.message}`,
  );
  throw new ClawError('InvalidInput', `${place}: ${issues.join('; ')}`);
}

import { z } from 'zod';
import {
  asAttemptId,
  asBatchId,
  asRolloutId,
  asSha256,
  isSha256,
  parseJson,
} from '../../base/brand.ts';
import { ClawError } from '../../base/error.ts';
import { FINDING_CODES, OUTCOMES } from '../../rollouts/outcome.ts';

/** What several tables share: how a column becomes a value of the contract, parsed by zod. */
export const zDigest = z
  .string()
  .refine(isSha256, 'expected 64 lower-case hex digits')
  .transform(asSha256);
export const zBatchId = z.string().transform(asBatchId);
export const zRolloutId = z.string().transform(asRolloutId);
export const zAttemptId = z.string().transform(asAttemptId);
export const zOutcome = z.enum(OUTCOMES);

/** NULL in a column, or an absent member of JSON, is `undefined` in the contract. */
export function absent<T extends z.ZodType>(type: T) {
  return type.nullish().transform((value) => value ?? undefined);
}

/** A column of canonical JSON. */
export function json<T extends z.ZodType>(type: T) {
  return z
    .string()
    .transform((text, context) => {
      try {
        return parseJson(text);
      } catch {
        context.addIssue({ code: 'custom', message: 'not JSON' });
        return z.NEVER;
      }
    })
    .pipe(type);
}

export const zChecks = z.array(z.object({ name: z.string(), value: z.number() }));
export const zFindings = z.array(z.object({ code: z.enum(FINDING_CODES), message: z.string() }));
const zPart = z.number().nullable();
export const zScore = z.object({ flat: zPart, native: zPart, rubric: zPart, final: zPart });

/** A row of `table` as the contract's type; throws `StoreUnavailable` where it does not fit. */
export function parseRow<T extends z.ZodType>(type: T, table: string, row: unknown): z.output<T> {
  const parsed = type.safeParse(row);
  if (parsed.success) return parsed.data;
  throw new ClawError(
    'StoreUnavailable',
    `a row of table ${table} does not have the expected form: ${z.prettifyError(parsed.error)}`,
    { cause: parsed.error },
  );
}

import { z } from 'zod';

/** Longest value of an environment variable, in UTF-16 code units. */
const MAX_ENV_VALUE = 32_768;

/**
 * Text that UTF-8 can hold. With half a surrogate pair an agent would read other words than those
 * that the digest names.
 */
export const zText = z
  .string()
  .min(1)
  .refine((text) => text.isWellFormed(), 'expected text without half of a surrogate pair');

/** Non-negative decimal number as text, for example "0.7". */
export const zDecimal = z
  .string()
  .regex(
    /^(?=.{1,20}$)\d+(\.\d+)?$/,
    'expected a decimal number as text of at most 20 characters, for example "0.7"',
  );

/** Environment variables of a phase. */
export const zEnv = z.record(z.string(), z.string()).superRefine((env, context) => {
  for (const [name, value] of Object.entries(env)) {
    const report = (message: string) => context.addIssue({ code: 'custom', path: [name], message });
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,255}$/.test(name)) {
      report(
        'expected a variable whose name is letters, digits and "_", of at most 256 characters',
      );
    } else if (value.includes('\0') || !value.isWellFormed() || value.length > MAX_ENV_VALUE) {
      report(`expected at most ${MAX_ENV_VALUE} characters of text, without NUL`);
    }
  }
});

/** What a limit can say at most; the bounds of the API's fields. */
export const zLimit = z.int().min(1).max(2_147_483_647);

/** Processes: a sandbox needs a few itself, and the kernel counts no more than 2^22. */
export const zPids = z.int().min(8).max(4_194_304);

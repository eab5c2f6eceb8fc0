import { parseArgs } from 'node:util';
import { z } from 'zod';
import { ClawError, errorMessage } from './error.ts';

/** The flags of a program, and of each the sentence that --help prints. */
export type FlagWords = Readonly<Record<string, string>>;

/** Names that are joined by commas, at least one. */
export const zNameList = z
  .string()
  .transform((text) => text.split(',').map((name) => name.trim()))
  .pipe(z.array(z.string().min(1)).min(1));

export const zPort = z.coerce.number().int().min(0).max(65_535);

/**
 * The flags that were given, as texts; one that is empty was not given. Throws `InvalidInput` for a flag
 * that the program does not have.
 */
export function readFlags(
  words: FlagWords,
  argv: readonly string[],
): Readonly<Record<string, unknown>> {
  const options = Object.fromEntries(
    Object.keys(words).map((flag) => [flag, { type: 'string' } as const]),
  );
  try {
    const { values } = parseArgs({ args: [...argv], options, strict: true });
    return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ''));
  } catch (thrown) {
    throw new ClawError('InvalidInput', `${errorMessage(thrown)}; see --help`, { cause: thrown });
  }
}

/** What --help prints. */
export function flagUsage(program: string, words: FlagWords): string {
  const lines = Object.entries(words).map(([flag, text]) => `  --${flag.padEnd(18)} ${text}`);
  return `usage: ${program} [flags]\n\n${lines.join('\n')}\n`;
}

/**
 * Fields that do not fit, as `InvalidInput`.
 *
 * @param place In front of each field: `--`, or a file with a colon.
 */
export function refusedConfig(place: string, error: z.ZodError): ClawError {
  const issues = error.issues.map(({ path, message }) => `${place}${path.join('.')}: ${message}`);
  return new ClawError('InvalidInput', `${issues.join('; ')}; see --help`, { cause: error });
}

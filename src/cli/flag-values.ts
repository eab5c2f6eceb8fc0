import { InvalidArgumentError } from 'commander';
import { isAgentResult, OUTCOMES, type Outcome } from '../rollouts/outcome.ts';
import type { OutputFormat } from './output-format.ts';

const wholeNumber =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`expected a whole number from ${least} to ${most}`);
  };

/** Of a flag with whole numbers from 1 to this one. */
export const countUpTo = (most: number) => wholeNumber(1, most);

/** Of a flag with whole numbers from 0 to this one. */
export const upTo = (most: number) => wholeNumber(0, most);

/** A whole number above 0 that fits the field of a manifest. */
export const count = countUpTo(2_147_483_647);

/** A number without sign and exponent. */
export function decimal(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  throw new InvalidArgumentError('expected a number, for example 0.7');
}

export function outputFormat(text: string): OutputFormat {
  if (text === 'table' || text === 'json') return text;
  throw new InvalidArgumentError('expected table or json');
}

/** A share from 0 to 1, as scores are. */
export function fraction(text: string): number {
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value <= 1) return value;
  throw new InvalidArgumentError('expected a number from 0 to 1, for example 0.5');
}

/** A whole number from 0 to 100. */
export const percent = upTo(100);

/** A whole number, 0 included. */
export function seed(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError('expected a whole number from 0');
}

/** An outcome that an agent brought about itself; missing data teaches nothing. */
export function agentResult(text: string, earlier: readonly Outcome[] = []): readonly Outcome[] {
  const known = OUTCOMES.filter(isAgentResult);
  const outcome = known.find((name) => name === text);
  if (outcome !== undefined) return [...earlier, outcome];
  throw new InvalidArgumentError(`expected one of ${known.join(', ')}`);
}

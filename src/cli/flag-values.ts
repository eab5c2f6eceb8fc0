import { InvalidArgumentError } from 'commander';
import type { OutputFormat } from './output-format.ts';

/** A whole number above 0. */
export function count(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('expected a whole number above 0');
}

/** A number without sign and exponent. */
export function decimal(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  throw new InvalidArgumentError('expected a number, for example 0.7');
}

export function outputFormat(text: string): OutputFormat {
  if (text === 'table' || text === 'json') return text;
  throw new InvalidArgumentError('expected table or json');
}

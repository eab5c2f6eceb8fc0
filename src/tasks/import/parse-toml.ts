import { parse as parseTomlText } from 'smol-toml';
import { isRecord } from '../../base/brand.ts';
import type { ImportLimits } from './import-limits.ts';
import { parsedDocument } from './parse-document.ts';

/** TOML tables; dates become their ISO text. */
export function parseTomlDocument(text: string, field: string, limits: ImportLimits): unknown {
  return parsedDocument(() => withoutDates(parseTomlText(text)), text, field, 'TOML', limits);
}

function withoutDates(value: unknown, depth = 0): unknown {
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'bigint') return value.toString();
  if (depth > 200) return value;
  if (Array.isArray(value)) return value.map((member) => withoutDates(member, depth + 1));
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, withoutDates(member, depth + 1)]),
  );
}

import { CORE_SCHEMA, load } from 'js-yaml';
import type { ImportLimits } from './import-limits.ts';
import { parsedDocument } from './parse-document.ts';

export function parseYamlText(text: string, field: string, limits: ImportLimits): unknown {
  return parsedDocument(() => load(text, { schema: CORE_SCHEMA }), text, field, 'YAML', limits);
}

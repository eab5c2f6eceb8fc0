import { basename } from 'node:path';
import { isRecord } from '../../base/brand.ts';
import { draftOfRow } from './clawgym-row.ts';
import { fieldError } from './import-problem.ts';
import type { ImportOptions, ImportStep } from './importer.ts';
import { jsonlRows } from './jsonl-rows.ts';
import { parseJsonText } from './parse-document.ts';

/** Imports a JSONL file of ClawGym rows. */
export async function* importClawGymJsonl(
  path: string,
  options: ImportOptions,
): AsyncGenerator<ImportStep> {
  const { limits, signal } = options;
  const file = basename(path);
  for await (const line of jsonlRows(path, limits.rowBytes, signal)) {
    let place: { file: string; row: number; task?: string } = { file, row: line.row };
    try {
      if ('refused' in line) {
        throw line.refused === 'too-large'
          ? fieldError('TooLarge', 'row', line.head, `at most ${limits.rowBytes} bytes a row`)
          : fieldError('InvalidTask', 'row', line.head, 'UTF-8 text');
      }
      const value = parseJsonText(line.text, 'row', limits);
      const id = isRecord(value) ? value['task_id'] : undefined;
      if (typeof id === 'string') place = { ...place, task: id };
      yield { place, draft: draftOfRow(value, line.row, file, limits) };
    } catch (failed) {
      yield { place, failed };
    }
  }
}

import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ClawError, errorMessage } from '../base/error.ts';
import { syncFolder } from '../store/durable-file.ts';
import type { RolloutRow } from '../store/records.ts';
import { buildResults } from './build-results.ts';
import { type ReportOptions, renderReport } from './report.ts';
import type { Results } from './results.ts';
import { rolloutLines } from './rollout-lines.ts';
import type { RunFacts } from './run-facts.ts';

export const RESULTS_FILE = 'results.json';
export const ROLLOUTS_FILE = 'rollouts.jsonl';
export const REPORT_FILE = 'report.html';

export interface WrittenOutput {
  readonly results: Results;
  /** Path of the report, under the folder as it was given. */
  readonly report: string;
}

/**
 * Writes results.json, rollouts.jsonl and report.html; each appears whole or not at all, and
 * replaces what an earlier run left. results.json comes last: where it is new, all are.
 */
export async function writeOutput(
  folder: string,
  facts: RunFacts,
  options: ReportOptions = {},
): Promise<WrittenOutput> {
  const results = buildResults(facts);
  const rows = facts.arms.flatMap((arm) => arm.rollouts.map(({ row }) => row));
  return await writeResults(folder, results, rows, options);
}

/** The same from results that are computed already; `rows` hold the checks of each rollout. */
export async function writeResults(
  folder: string,
  results: Results,
  rows: readonly Pick<RolloutRow, 'id' | 'decision'>[],
  options: ReportOptions = {},
): Promise<WrittenOutput> {
  const report = join(folder, REPORT_FILE);
  try {
    await mkdir(folder, { recursive: true });
    await replaceFile(join(folder, ROLLOUTS_FILE), rolloutLines(results, rows));
    await replaceFile(report, renderReport(results, options));
    await replaceFile(join(folder, RESULTS_FILE), `${JSON.stringify(results, null, 2)}\n`);
    await syncFolder(folder);
  } catch (cause) {
    throw new ClawError(
      'StoreUnavailable',
      `the results cannot be written to ${folder}: ${errorMessage(cause)}; ` +
        'nothing is lost: make room or name another folder, and run the same command again',
      { cause, retryable: true },
    );
  }
  return { results, report };
}

/** Removes what a process that was killed in the middle of `writeOutput` left; only one may write there. */
export async function removePartialOutput(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (PARTIAL.test(name)) await rm(join(folder, name), { force: true });
  }
}

const PARTIAL = /^(?:rollouts\.jsonl|report\.html|results\.json)\.[0-9a-f-]{36}\.tmp$/;

async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const handle = await open(temporary, 'wx', 0o644);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

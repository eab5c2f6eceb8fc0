import { createReadStream } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { isRecord, parseJson } from '../src/base/brand.ts';
import { median } from '../src/base/statistics.ts';
import { Claim } from './support/claim.ts';
import { clawgym, sharedData } from './support/clawgym.ts';

/** Seconds that importing the 200 public training rows, ten times with new ids, may take. */
const LIMIT_SECONDS = 3;
const COPIES = 10;
const RUNS = 3;

/**
 * Makes a JSONL file of the training rows times ten, imports it with the command line in a process
 * of its own, three times, prints the median seconds last and fails above the limit.
 */
async function main(): Promise<void> {
  const source = sharedData('clawgym_train.dev.jsonl');
  const claim = new Claim();
  const dir = await mkdtemp(join(tmpdir(), 'clawgym-import-'));
  try {
    const rows = await writeRows(source, join(dir, 'rows.jsonl'));
    const runs: number[] = [];
    for (let run = 0; run < RUNS; run += 1) {
      const end = await clawgym([
        ...['tasks', 'import', join(dir, 'rows.jsonl')],
        ...['-o', join(dir, 'set.tar')],
      ]);
      claim.check(end.exitCode === 0, `the import exited ${end.exitCode}: ${end.stderr}`);
      runs.push(end.seconds);
    }
    const seconds = median(runs) ?? Number.NaN;
    claim.check(seconds <= LIMIT_SECONDS, `${seconds.toFixed(2)} s is above ${LIMIT_SECONDS} s`);
    claim.finish(`${seconds.toFixed(2)} s for ${rows} rows, median of ${RUNS} runs`);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function writeRows(source: string, target: string): Promise<number> {
  const file = await open(target, 'wx');
  let rows = 0;
  try {
    for await (const line of createInterface({ input: createReadStream(source) })) {
      const row = parseJson(line);
      if (!isRecord(row)) throw new TypeError(`${source}: a row is no object`);
      for (let copy = 0; copy < COPIES; copy += 1) {
        await file.writeFile(
          `${JSON.stringify({ ...row, task_id: `${String(row['task_id'])}_${copy}` })}\n`,
        );
        rows += 1;
      }
    }
  } finally {
    await file.close();
  }
  return rows;
}

await main();

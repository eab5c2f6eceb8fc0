import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { isRecord, parseJson } from '../src/base/brand.ts';

/** Seconds that importing the 200 public training rows, ten times with new ids, may take. */
const LIMIT_SECONDS = 3;
const COPIES = 10;
const RUNS = 3;

/**
 * Makes a JSONL file of the training rows times ten, imports it with the command line in a process
 * of its own, three times, prints the median seconds last and fails above the limit.
 */
async function main(): Promise<number> {
  const data = process.env['CLAWGYM_DATA'];
  if (data === undefined) {
    process.stdout.write('CLAWGYM_DATA is not set: the import benchmark does not run\n');
    return 0;
  }
  const dir = await mkdtemp(join(tmpdir(), 'clawgym-import-'));
  try {
    const rows = await writeRows(join(data, 'clawgym_train.dev.jsonl'), join(dir, 'rows.jsonl'));
    const runs: number[] = [];
    for (let run = 0; run < RUNS; run += 1) {
      const started = performance.now();
      if ((await runImport(dir)) !== 0) return 1;
      runs.push((performance.now() - started) / 1000);
    }
    const seconds =
      runs.toSorted((a, b) => a - b)[Math.floor(RUNS / 2)] ?? Number.POSITIVE_INFINITY;
    process.stdout.write(
      `import of ${rows} rows, median of ${RUNS} runs, limit ${LIMIT_SECONDS} s\n${seconds.toFixed(2)}\n`,
    );
    return seconds <= LIMIT_SECONDS ? 0 : 1;
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

async function runImport(dir: string): Promise<number> {
  const cli = join(import.meta.dirname, '..', 'bin', 'clawgym');
  const child = spawn(
    cli,
    ['tasks', 'import', join(dir, 'rows.jsonl'), '-o', join(dir, 'set.tar')],
    {
      stdio: 'inherit',
      timeout: 60_000,
      killSignal: 'SIGKILL',
    },
  );
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}

process.exitCode = await main();

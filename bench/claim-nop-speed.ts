import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { runLimited } from '../src/base/run-limited.ts';
import { median } from '../src/base/statistics.ts';
import { Claim } from './support/claim.ts';
import { bench, sharedData } from './support/clawgym.ts';

/**
 * Claim local/8: 125 tasks with `nop` on all cores, the whole command from its start to its report,
 * against `check.py` alone under the same number of workers on workspaces that lie ready: both warm,
 * median of 5 interleaved runs, wall ratio at most 2.0.
 */
const ROUNDS = 5;
const LIMIT = 2.0;
const WORKERS = availableParallelism();
/** The system's interpreter: version managers put slow wrappers of the same name before it. */
const PYTHON = '/usr/bin/python3';
const DATA = sharedData('clawgym_eval.dev.jsonl');

const zFile = z.object({ file_path: z.string(), content: z.string() });
const zRow = z.object({
  task_id: z.string(),
  input_files: z.array(zFile),
  reward_files: z.array(zFile),
});

async function layOut(root: string): Promise<readonly string[]> {
  const lines = (await readFile(DATA, 'utf8')).trim().split('\n');
  const folders: string[] = [];
  for (const line of lines) {
    const row = zRow.parse(JSON.parse(line));
    const folder = join(root, row.task_id);
    await writeAll(join(folder, 'workspace'), row.input_files);
    await writeAll(join(folder, 'reward'), row.reward_files);
    folders.push(folder);
  }
  return folders;
}

async function writeAll(root: string, files: readonly z.infer<typeof zFile>[]): Promise<void> {
  await mkdir(root, { recursive: true });
  for (const file of files) {
    await mkdir(dirname(join(root, file.file_path)), { recursive: true });
    await writeFile(join(root, file.file_path), file.content);
  }
}

function check(folder: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      PYTHON,
      ['-I', join(folder, 'reward/check.py'), join(folder, 'workspace')],
      { stdio: ['ignore', 'ignore', 'ignore'], cwd: folder },
    );
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`${folder}: ${code}`)),
    );
  });
}

async function bare(folders: readonly string[]): Promise<number> {
  const started = performance.now();
  await runLimited(folders, WORKERS, check, new AbortController().signal);
  return (performance.now() - started) / 1000;
}

async function engine(): Promise<number> {
  const run = await bench(['--tasks', DATA, '--agent', 'nop', '--parallel', String(WORKERS)]);
  return run.wall;
}

const scratch = await mkdtemp(join(tmpdir(), 'clawgym-speed-'));
try {
  const folders = await layOut(scratch);
  await bare(folders);
  await engine();
  const ratios: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const [alone, ours] = [await bare(folders), await engine()];
    ratios.push(ours / alone);
    process.stdout.write(
      `round ${round + 1}: bare ${alone.toFixed(2)} s, clawgym ${ours.toFixed(2)} s\n`,
    );
  }
  const claim = new Claim();
  const ratio = median(ratios) ?? Number.NaN;
  claim.check(ratio <= LIMIT, `median ratio ${ratio.toFixed(2)} is above ${LIMIT}`);
  claim.finish(`median wall ratio ${ratio.toFixed(2)} over ${ROUNDS} rounds on ${WORKERS} workers`);
} finally {
  await rm(scratch, { recursive: true, force: true });
}

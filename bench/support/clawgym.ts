import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { sharedDataFolder, whyNoSharedData } from '../../scripts/shared-data.ts';
import { type Results, zResults } from '../../src/bench/results.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** What one call of the command line gave. */
export interface CliRun {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

/** Runs `bin/clawgym` as a child process, as a user would. */
export function clawgym(args: readonly string[]): Promise<CliRun> {
  return new Promise((resolveRun, reject) => {
    const started = performance.now();
    const child = spawn(join(ROOT, 'bin/clawgym'), args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.once('error', reject);
    child.once('close', (code) => {
      resolveRun({
        exitCode: code ?? 1,
        stdout: Buffer.concat(out).toString(),
        stderr: Buffer.concat(err).toString(),
        seconds: (performance.now() - started) / 1000,
      });
    });
  });
}

/** The results of a run with its wall seconds and its report. */
export type BenchRun = Results & { readonly wall: number; readonly report: string };

/** Runs `clawgym bench` into a fresh folder and reads its results; throws where it failed. */
export async function bench(args: readonly string[]): Promise<BenchRun> {
  const out = await mkdtemp(join(tmpdir(), 'clawgym-bench-'));
  try {
    const run = await clawgym(['bench', ...args, '--out', out]);
    if (run.exitCode !== 0 && run.exitCode !== 3) {
      throw new Error(`clawgym bench ${args.join(' ')} exited ${run.exitCode}:\n${run.stderr}`);
    }
    const report = await readFile(join(out, 'report.html'), 'utf8');
    return { ...(await readResults(out)), wall: run.seconds, report };
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}

/** The results.json of an output folder. */
export async function readResults(out: string): Promise<Results> {
  const data: unknown = JSON.parse(await readFile(join(out, 'results.json'), 'utf8'));
  return zResults.parse(data);
}

/** Path inside the shared data folder, or an error that says how to give one. */
export function sharedData(path: string): string {
  const root = sharedDataFolder();
  if (root === undefined) {
    throw new Error(`${whyNoSharedData()}: this claim is measured on the public task data`);
  }
  return join(root, path);
}

import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Results, zResults } from '../../src/bench/results.ts';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const EXAMPLES = join(ROOT, 'examples/tasks');

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A run of the command line that goes on: to signal it, or to wait for its end. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** Starts `bin/clawgym` with piped output and a bounded life. */
export function startClawgym(...args: readonly string[]): Running {
  const child = spawn(join(ROOT, 'bin/clawgym'), args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 100_000,
    killSignal: 'SIGKILL',
  });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
    });
  }
  const { promise, resolve } = Promise.withResolvers<Ended>();
  child.once('close', (code) => resolve({ code, ...said }));
  return { child, ended: promise };
}

export async function clawgym(...args: readonly string[]): Promise<Ended> {
  return await startClawgym(...args).ended;
}

export function resultsOf(out: string): Results {
  return zResults.parse(JSON.parse(readFileSync(join(out, 'results.json'), 'utf8')));
}

/** What two runs of one specification must agree in: everything but times and tries. */
export function decisions({ arms }: Results): unknown {
  return arms.map(({ name, tasks }) => [
    name,
    tasks.map(({ id, attempts }) => [
      id,
      attempts.map(({ outcome, score, checks }) => [outcome, score, checks]),
    ]),
  ]);
}

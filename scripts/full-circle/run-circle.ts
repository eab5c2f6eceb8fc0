import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { scriptedModels } from '../../examples/full-circle/scripted-models.ts';
import { BASE_SEED, makeBase } from './base-model.ts';
import { type CircleSizes, writeCircle } from './circle-manifests.ts';

export interface CircleOptions {
  /** Folder with the outputs of all objects, one each by its name. */
  readonly work: string;
  /** Added to every seed of the manifests; 0 runs them as they are. */
  readonly seed: number;
  /** Of the scripted models on loopback; a run that goes on must find them at the same one. */
  readonly port: number;
  readonly sizes?: CircleSizes;
  readonly signal: AbortSignal;
}

const CLAWGYM = resolve(import.meta.dirname, '../../bin/clawgym');

/**
 * Runs the manifests of the full circle on this machine: makes the base model, serves the scripted models,
 * and hands the rest to `clawgym run -f FOLDER`. Returns its exit code; called again it goes on.
 */
export async function runCircle(options: CircleOptions): Promise<number> {
  const { work, seed, port, sizes, signal } = options;
  await mkdir(work, { recursive: true });
  const folder = join(work, 'base-files');
  await makeBase(folder, BASE_SEED + seed, signal);
  const said = await imported(folder, work, signal);
  const manifests = join(work, 'manifests');
  await writeCircle(manifests, {
    seed,
    base: said.replace('sha256:', ''),
    ...(sizes && { sizes }),
  });
  const server = scriptedModels().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
    const address = `http://127.0.0.1:${port}/v1`;
    return await clawgym(['run', '-f', manifests, '--out', work, '--base-url', address], signal);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** Digest of the base model as the store of the work folder keeps it. */
async function imported(folder: string, work: string, signal: AbortSignal): Promise<string> {
  const args = ['models', 'import', folder, '--out', work];
  const child = spawn(CLAWGYM, args, { stdio: ['ignore', 'pipe', 'inherit'], signal });
  const [said, code] = await Promise.all([text(child.stdout), exitCode(child)]);
  if (code !== 0) throw new Error(`clawgym ${args.join(' ')} ended with ${code}`);
  return said.trim();
}

/** A stop is passed on: what runs then ends in good order, and the same command goes on. */
async function clawgym(args: readonly string[], signal: AbortSignal): Promise<number> {
  // So small a model is slower with more threads than one: they wait for each other.
  const env = { OMP_NUM_THREADS: '1', ...process.env };
  const child = spawn(CLAWGYM, args, { stdio: ['ignore', 'inherit', 'inherit'], env });
  const stop = (): void => void child.kill('SIGTERM');
  signal.addEventListener('abort', stop);
  try {
    return await exitCode(child);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function exitCode(child: ChildProcess): Promise<number> {
  return await new Promise((done, fail) => {
    child.once('error', fail);
    child.once('close', (code) => done(code ?? 1));
  });
}

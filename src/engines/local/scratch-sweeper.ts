import { type ChildProcess, spawn } from 'node:child_process';
import { removeScratch } from '../../phases/remove-scratch.ts';

/** Trees a removal, at most: starting a program for each costs more than removing a small one. */
const BATCH = 16;
/** How long a tree may wait for others: what a hostile agent left is not kept longer. */
const LINGER_MS = 300;
const STOP_MS = 60_000;

/**
 * Removes scratch trees beside the engine: one long-lived child takes their paths and removes them in
 * batches, since removing a tree holds the engine's loop for milliseconds and nothing waits for it.
 * What it cannot remove (closed folders without root) goes with the runtime folder at the end.
 */
export class ScratchSweeper implements AsyncDisposable {
  #child: ChildProcess | undefined;
  #batch: string[] = [];
  #flush: NodeJS.Timeout | undefined;
  readonly #late: Promise<unknown>[] = [];

  /** Takes the tree; returns at once. */
  take(path: string): void {
    const child = this.#start();
    if (child.stdin?.writable !== true) {
      this.#late.push(removeScratch(path));
      return;
    }
    this.#batch.push(path);
    if (this.#batch.length === BATCH) this.#pass();
    else this.#flush ??= setTimeout(() => this.#pass(), LINGER_MS);
  }

  /** Gives the child one full batch; a path that fills it up is harmless, since it is gone by then. */
  #pass(): void {
    clearTimeout(this.#flush);
    this.#flush = undefined;
    const [first = ''] = this.#batch;
    const full = Array.from({ length: BATCH }, (_, index) => this.#batch[index] ?? first);
    this.#child?.stdin?.write(full.map((path) => `${path}\0`).join(''));
    this.#batch = [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#batch.length > 0) this.#pass();
    const child = this.#child;
    if (child?.exitCode === null && child.signalCode === null && child.pid !== undefined) {
      const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      child.stdin?.end();
      await closed;
      clearTimeout(timer);
    }
    await Promise.all(this.#late);
  }

  #start(): ChildProcess {
    if (this.#child !== undefined) return this.#child;
    const removal = ['rm', '-rf', '--one-file-system', '--'];
    const child = spawn('xargs', ['-0', '-r', '-n', String(BATCH), ...removal], {
      stdio: ['pipe', 'ignore', 'ignore'],
      env: { PATH: '/usr/bin:/bin' },
    });
    child.on('error', () => undefined);
    child.stdin?.on('error', () => undefined);
    this.#child = child;
    return child;
  }
}

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
  /** Trees that the child holds until their batch is full. */
  #held = 0;
  #last = '';
  #flush: NodeJS.Timeout | undefined;
  readonly #late: Promise<unknown>[] = [];

  /** Takes the tree; returns at once. */
  take(path: string): void {
    const child = this.#start();
    if (child.stdin?.writable !== true) {
      this.#late.push(removeScratch(path));
      return;
    }
    child.stdin.write(`${path}\0`);
    this.#held = (this.#held + 1) % BATCH;
    this.#last = path;
    if (this.#held > 0) {
      this.#flush ??= setTimeout(() => this.#fill(), LINGER_MS);
      return;
    }
    clearTimeout(this.#flush);
    this.#flush = undefined;
  }

  /** Fills the batch with a path that is in it already; removing it twice is harmless. */
  #fill(): void {
    this.#child?.stdin?.write(`${this.#last}\0`.repeat(BATCH - this.#held));
    this.#held = 0;
    this.#flush = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#flush);
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

import { type ChildProcess, spawn } from 'node:child_process';
import { removeScratch } from '../../phases/remove-scratch.ts';

/** Trees a removal: what a hostile agent left is not kept until others are done. */
const BATCH = 1;
const STOP_MS = 60_000;

/**
 * Removes scratch trees beside the engine: one long-lived child takes their paths and removes them one
 * by one, since removing a tree holds the engine's loop for milliseconds and nothing waits for it.
 * What it cannot remove (closed folders without root) goes with the runtime folder at the end.
 */
export class ScratchSweeper implements AsyncDisposable {
  #child: ChildProcess | undefined;
  readonly #late: Promise<unknown>[] = [];

  /** Takes the tree; returns at once. */
  take(path: string): void {
    const child = this.#start();
    if (child.stdin?.writable === true) child.stdin.write(`${path}\0`);
    else this.#late.push(removeScratch(path));
  }

  async [Symbol.asyncDispose](): Promise<void> {
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

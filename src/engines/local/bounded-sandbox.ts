import { ClawError } from '../../base/error.ts';
import type { ProcessSandbox, SandboxExit, SandboxSpec } from '../../phases/process-sandbox.ts';

/**
 * Lets at most `limit` programs of a sandbox run at a time; others wait in order. What a rollout does
 * outside of sandboxes (laying out files, snapshots, records) is then free to overlap with the programs
 * of other rollouts, and the cores stay with the programs.
 */
export class BoundedSandbox implements ProcessSandbox {
  readonly root: string;
  readonly owner?: NonNullable<ProcessSandbox['owner']>;
  readonly findings?: NonNullable<ProcessSandbox['findings']>;
  readonly #sandbox: ProcessSandbox;
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(sandbox: ProcessSandbox, limit: number) {
    this.root = sandbox.root;
    if (sandbox.owner !== undefined) this.owner = sandbox.owner;
    if (sandbox.findings !== undefined) this.findings = sandbox.findings;
    this.#sandbox = sandbox;
    this.#free = limit;
  }

  async run(spec: SandboxSpec, signal: AbortSignal): Promise<SandboxExit> {
    await this.#enter(signal);
    try {
      return await this.#sandbox.run(spec, signal);
    } finally {
      this.#leave();
    }
  }

  #enter(signal: AbortSignal): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return Promise.resolve();
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = (): void => {
      this.#waiting.splice(this.#waiting.indexOf(proceed), 1);
      reject(new ClawError('Cancelled', 'stopped while waiting for a free sandbox'));
    };
    const proceed = (): void => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    };
    this.#waiting.push(proceed);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    return promise;
  }

  /** A slot goes straight to who waits longest. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}

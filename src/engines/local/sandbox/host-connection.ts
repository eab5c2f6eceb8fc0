import { type ChildProcess, fork } from 'node:child_process';
import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { asErrorCode, ClawError } from '../../../base/error.ts';
import type { Logger } from '../../../base/logger.ts';
import type { SandboxExit, SandboxOwner, SandboxSpec } from '../../../phases/process-sandbox.ts';
import type { Finding } from '../../../rollouts/outcome.ts';
import { type HostOptions, type HostReply, type HostRequest, zHostReply } from './host-protocol.ts';

export interface SandboxHostOptions extends HostOptions {
  readonly logger: Logger;
  /** Environment of the host process: what bubblewrap is found by. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

const MAIN = fileURLToPath(new URL('./host-main.ts', import.meta.url));
const STOP_MS = 5000;

interface Waiting {
  readonly resolve: (exit: SandboxExit) => void;
  readonly reject: (error: ClawError) => void;
}

/** One host process (see host-process.ts) and what runs in it; ends the process when disposed. */
export class HostConnection implements AsyncDisposable {
  owner?: SandboxOwner;
  findings: readonly Finding[] = [];
  readonly #child: ChildProcess;
  readonly #logger: Logger;
  readonly #waiting = new Map<number, Waiting>();
  readonly #opened = Promise.withResolvers<void>();
  readonly #exited = Promise.withResolvers<void>();
  #next = 0;
  #gone = false;

  private constructor(options: SandboxHostOptions) {
    this.#logger = options.logger;
    const compileCache = getCompileCacheDir();
    this.#child = fork(MAIN, compileCache === undefined ? [] : [dirname(compileCache)], {
      serialization: 'advanced',
      execArgv: ['--disable-warning=ExperimentalWarning'],
      env: { PATH: options.env['PATH'] },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#child.on('message', (message: unknown) => this.#receive(zHostReply.parse(message)));
    this.#child.once('error', (cause) => this.#lost(cause.message));
    this.#child.once('exit', (code, signal) => {
      this.#lost(`it ended with ${signal ?? `exit code ${code}`}`);
      this.#exited.resolve();
    });
  }

  static async open(options: SandboxHostOptions): Promise<HostConnection> {
    const { root, uid, bwrap } = options;
    const connection = new HostConnection(options);
    connection.#send({ type: 'open', options: { root, uid, bwrap } });
    try {
      await connection.#opened.promise;
    } catch (cause) {
      await connection[Symbol.asyncDispose]();
      throw cause;
    }
    return connection;
  }

  /** False once the process is gone: nothing more can be run in it. */
  get alive(): boolean {
    return this.#child.connected && this.#child.exitCode === null && !this.#gone;
  }

  /** Rejects with `SandboxHostLost` where the host ended under it. */
  run(spec: SandboxSpec, signal: AbortSignal): Promise<SandboxExit> {
    this.#next += 1;
    const id = this.#next;
    const { promise, resolve, reject } = Promise.withResolvers<SandboxExit>();
    const onAbort = (): void => this.#send({ type: 'abort', id });
    this.#waiting.set(id, { resolve, reject });
    this.#send({ type: 'run', id, spec });
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    return promise.finally(() => signal.removeEventListener('abort', onAbort));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
    await this.#exited.promise;
    clearTimeout(timer);
  }

  #send(request: HostRequest): void {
    if (!this.#child.connected) {
      this.#lost('its channel is closed');
      return;
    }
    this.#child.send(request, (error) => {
      if (error) this.#lost(error.message);
    });
  }

  #receive(message: HostReply): void {
    switch (message.type) {
      case 'opened':
        if (message.owner) this.owner = message.owner;
        this.findings = message.findings;
        this.#opened.resolve();
        return;
      case 'ended':
        this.#settle(message.id, ({ resolve }) => resolve(fullExit(message.exit)));
        return;
      case 'failed':
        this.#fail(message);
        return;
      case 'log':
        this.#logger[message.level](message.fields, message.message);
    }
  }

  #fail({ id, code, message, retryable }: Extract<HostReply, { type: 'failed' }>): void {
    const error = new ClawError(asErrorCode(code), message, { retryable });
    if (id === undefined) this.#opened.reject(error);
    else this.#settle(id, ({ reject }) => reject(error));
  }

  #settle(id: number, settle: (waiting: Waiting) => void): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (waiting) settle(waiting);
  }

  #lost(why: string): void {
    this.#gone = true;
    const error = new ClawError('SandboxHostLost', `the sandbox host is gone: ${why}`, {
      retryable: true,
    });
    this.#opened.reject(error);
    this.#opened.promise.catch(() => undefined);
    for (const id of [...this.#waiting.keys()]) this.#settle(id, ({ reject }) => reject(error));
  }
}

function fullExit(exit: Extract<HostReply, { type: 'ended' }>['exit']): SandboxExit {
  const { pidsRefused, peakMemoryMiB, cpuSeconds, ...rest } = exit;
  return { ...rest, peakMemoryMiB, cpuSeconds, ...(pidsRefused !== undefined && { pidsRefused }) };
}

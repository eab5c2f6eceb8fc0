import { ClawError } from '../../../base/error.ts';
import type {
  ProcessSandbox,
  SandboxExit,
  SandboxOwner,
  SandboxSpec,
} from '../../../phases/process-sandbox.ts';
import type { Finding } from '../../../rollouts/outcome.ts';
import { HostConnection, type SandboxHostOptions } from './host-connection.ts';

/** More lost hosts than this in one run are no accident. */
const MAX_RESTARTS = 20;

/**
 * Sandboxes started by a host process of their own. A host that is lost takes its sandboxes along
 * (their runs reject with `SandboxHostLost`, a disruption) and is replaced for the next one.
 */
export class HostedSandbox implements ProcessSandbox, AsyncDisposable {
  readonly root: string;
  readonly owner?: SandboxOwner;
  readonly findings: readonly Finding[];
  readonly #options: SandboxHostOptions;
  #connection: Promise<HostConnection>;
  #restarts = 0;

  private constructor(options: SandboxHostOptions, connection: HostConnection) {
    this.root = options.root.identity;
    if (connection.owner !== undefined) this.owner = connection.owner;
    this.findings = connection.findings;
    this.#options = options;
    this.#connection = Promise.resolve(connection);
  }

  static async open(options: SandboxHostOptions): Promise<HostedSandbox> {
    return new HostedSandbox(options, await HostConnection.open(options));
  }

  async run(spec: SandboxSpec, signal: AbortSignal): Promise<SandboxExit> {
    const connection = await this.#live();
    return await connection.run(spec, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const connection = await this.#connection.catch(() => undefined);
    await connection?.[Symbol.asyncDispose]();
  }

  /** The host in use, or a new one; several callers wait for the same. */
  async #live(): Promise<HostConnection> {
    const current = this.#connection;
    const connection = await current;
    if (connection.alive) return connection;
    if (this.#connection === current) this.#connection = this.#restart(connection);
    return await this.#connection;
  }

  async #restart(lost: HostConnection): Promise<HostConnection> {
    this.#restarts += 1;
    if (this.#restarts > MAX_RESTARTS) {
      throw new ClawError('SandboxFailed', `the sandbox host was lost ${MAX_RESTARTS} times`);
    }
    this.#options.logger.warn(
      { restarts: this.#restarts },
      'the sandbox host was lost: starting another',
    );
    await lost[Symbol.asyncDispose]();
    return await HostConnection.open(this.#options);
  }
}

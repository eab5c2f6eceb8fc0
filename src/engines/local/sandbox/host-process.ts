import { systemClock } from '../../../base/clock.ts';
import { toClawError } from '../../../base/error.ts';
import type { Logger } from '../../../base/logger.ts';
import type { ProcessSandbox, SandboxSpec } from '../../../phases/process-sandbox.ts';
import {
  type HostOptions,
  type HostReply,
  type HostRequest,
  zHostOptions,
} from './host-protocol.ts';
import { openSandbox } from './open-sandbox.ts';

/**
 * The sandbox host: a process whose only work is to start sandboxes. Starting a process copies the
 * starter's page tables, so a small one does it in a millisecond where the engine, with tasks and
 * records in memory, needs ten and cannot do anything else meanwhile (measured at 54 and 211 MB).
 *
 * It ends with the engine, however that ends, and its sandboxes with it.
 */
class SandboxHost {
  #sandbox: ProcessSandbox | undefined;
  readonly #running = new Map<number, AbortController>();

  async handle(request: HostRequest): Promise<void> {
    switch (request.type) {
      case 'open':
        await this.#open(request.options);
        return;
      case 'run':
        await this.#run(request.id, request.spec);
        return;
      case 'abort':
        this.#running.get(request.id)?.abort();
    }
  }

  async #open(options: HostOptions): Promise<void> {
    try {
      const { root, ...rest } = zHostOptions.parse(options);
      const sandbox = await openSandbox({
        ...rest,
        root: { dir: root.dir, identity: root.identity },
        clock: systemClock,
        logger: replyLogger,
      });
      this.#sandbox = sandbox;
      const { owner, findings } = sandbox;
      reply({ type: 'opened', findings: [...findings], ...(owner && { owner }) });
    } catch (thrown) {
      fail(undefined, thrown);
    }
  }

  async #run(id: number, spec: SandboxSpec): Promise<void> {
    const abort = new AbortController();
    this.#running.set(id, abort);
    try {
      if (this.#sandbox === undefined) throw new Error('the sandbox host is not open');
      const { peakMemoryMiB, cpuSeconds, ...exit } = await this.#sandbox.run(spec, abort.signal);
      reply({
        type: 'ended',
        id,
        exit: {
          ...exit,
          ...(peakMemoryMiB !== undefined && { peakMemoryMiB }),
          ...(cpuSeconds !== undefined && { cpuSeconds }),
        },
      });
    } catch (thrown) {
      fail(id, thrown);
    } finally {
      this.#running.delete(id);
    }
  }
}

function fail(id: number | undefined, thrown: unknown): void {
  const { code, message, retryable } = toClawError(thrown, 'SandboxFailed');
  reply({ type: 'failed', code, message, retryable, ...(id !== undefined && { id }) });
}

function reply(message: HostReply): void {
  process.send?.(message);
}

const say =
  (level: 'info' | 'warn' | 'error') =>
  (fields: object, message: string): void =>
    reply({ type: 'log', level, fields: { ...fields }, message });

const replyLogger: Logger = {
  debug: () => undefined,
  info: say('info'),
  warn: say('warn'),
  error: say('error'),
};

/** Serves the engine on the other end of the channel until that closes. */
export function serveSandboxHost(): void {
  const host = new SandboxHost();
  // The engine decides when to stop; a Ctrl-C reaches the whole group.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => undefined);
  process.on('disconnect', () => process.exit(0));
  process.on('message', (request: HostRequest) => void host.handle(request));
}

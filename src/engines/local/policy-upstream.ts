import { Readable } from 'node:stream';
import type { Clock } from '../../base/clock.ts';
import { ClawError } from '../../base/error.ts';
import { InTurn } from '../../base/in-turn.ts';
import type { Logger } from '../../base/logger.ts';
import { wholeBytes } from '../../base/whole-bytes.ts';
import { OpenAiUpstream } from '../../gateway/openai-upstream.ts';
import type { Upstream, UpstreamRequest, UpstreamResponse } from '../../gateway/upstream.ts';
import type { PolicyFiles, PolicyServer } from './policy-server.ts';

export interface PolicyUpstreamOptions {
  readonly name: string;
  readonly start: (files: PolicyFiles, signal: AbortSignal) => Promise<PolicyServer>;
  /** The policy where nobody has asked for another one. */
  readonly first: () => Promise<PolicyFiles>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** A server that ends more often than this is broken, not unlucky; absent: 8. */
  readonly maxStarts?: number;
}

interface Serving {
  readonly server: PolicyServer;
  readonly upstream: OpenAiUpstream;
}

const MAX_STARTS = 8;
const SETTLE_MS = 300;

/**
 * A model of ours as an upstream: its policy server is started at the first call and again where it
 * ends, and a call that was under way is asked once more, so that a lost server costs an agent nothing
 * but time. Disposing it ends the server.
 */
export class PolicyUpstream implements Upstream, AsyncDisposable {
  readonly name: string;
  readonly #options: PolicyUpstreamOptions;
  readonly #turn = new InTurn();
  readonly #closed = new AbortController();
  #wanted: PolicyFiles | undefined;
  #serving: Serving | undefined;
  #starts = 0;
  #answered = false;

  constructor(options: PolicyUpstreamOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get answered(): boolean {
    return this.#answered;
  }

  /** The version that answers now; undefined where no server does. */
  get version(): number | undefined {
    const serving = this.#serving;
    return serving === undefined || serving.server.gone.aborted
      ? undefined
      : serving.server.version;
  }

  /** Makes this the policy; returns when every new call is answered by it. */
  async serve(files: PolicyFiles): Promise<void> {
    this.#wanted = files;
    for (;;) {
      const { server } = await this.#ready();
      if (server.version === files.version) return;
      try {
        await this.#turn.run('server', () => server.load(files));
      } catch (thrown) {
        // One that ended comes back with what is wanted now.
        if (!(await this.#ended(server))) throw thrown;
      }
    }
  }

  /** Starts the server now, so that what is wrong with it is said before anything is decided. */
  async prove(): Promise<void> {
    await this.#ready();
  }

  /** Ends the server until the next call. */
  async rest(): Promise<void> {
    await this.#turn.run('server', () => this.#end());
    this.#starts = 0;
  }

  async chat(ask: UpstreamRequest, signal: AbortSignal): Promise<UpstreamResponse> {
    for (;;) {
      signal.throwIfAborted();
      const { server, upstream } = await this.#ready();
      try {
        const either = AbortSignal.any([signal, server.gone]);
        const { body, ...response } = await upstream.chat(ask, either);
        const whole = await wholeBytes(body);
        this.#answered ||= response.status < 300;
        return { ...response, body: Readable.from([whole]) };
      } catch (thrown) {
        if (signal.aborted || !(await this.#ended(server))) throw thrown;
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(new ClawError('Cancelled', `the server of ${this.name} is closed`));
    await this.#turn.run('server', () => this.#end());
  }

  /** Its connections break a moment before the process is seen to have ended. */
  async #ended({ gone }: PolicyServer): Promise<boolean> {
    if (!gone.aborted) await this.#options.clock.sleep(SETTLE_MS, gone).catch(() => undefined);
    return gone.aborted && !this.#closed.signal.aborted;
  }

  async #ready(): Promise<Serving> {
    return await this.#turn.run('server', async () => {
      const serving = this.#serving;
      if (serving !== undefined && !serving.server.gone.aborted) return serving;
      await this.#end();
      this.#closed.signal.throwIfAborted();
      return await this.#start();
    });
  }

  async #start(): Promise<Serving> {
    const { name, logger, clock, random, start, first, maxStarts = MAX_STARTS } = this.#options;
    this.#starts += 1;
    if (this.#starts > maxStarts) {
      throw new ClawError(
        'UpstreamFailed',
        `the policy server of ${name} ended ${maxStarts} times: see its log`,
      );
    }
    this.#wanted ??= await first();
    logger.info({ model: name, version: this.#wanted.version }, 'starting the policy server');
    const server = await start(this.#wanted, this.#closed.signal);
    const { baseUrl } = server;
    const apiKey = undefined;
    const upstream = new OpenAiUpstream({ name, baseUrl, apiKey, clock, random, logger });
    this.#serving = { server, upstream };
    return this.#serving;
  }

  async #end(): Promise<void> {
    const serving = this.#serving;
    this.#serving = undefined;
    await serving?.upstream[Symbol.asyncDispose]();
    await serving?.server.stop();
  }
}

import { KubeError } from '../../operator/kube/base/kube-error.ts';
import { isWrite, type KubeRequest, type Transport } from '../../operator/kube/client/transport.ts';

/**
 * `before`: the write is never sent. `after`: the server has carried it out, its answer is never
 * seen.
 */
export type CrashMoment = 'before' | 'after';

/** All writes but those of events. */
export function countedWrite(request: KubeRequest): boolean {
  return isWrite(request) && request.resource !== 'events';
}

/** A transport that dies at one write: from then on nothing is sent and no answer is seen. */
export class CrashTransport implements Transport {
  /** Writes so far, in order: `create configmaps`. */
  readonly writes: string[] = [];
  readonly #inner: Transport;
  readonly #at: number | undefined;
  readonly #moment: CrashMoment;
  readonly #counted: (request: KubeRequest) => boolean;
  readonly #death = new AbortController();

  constructor(
    inner: Transport,
    crash: {
      /** Number of the write, from 1; undefined never. */
      readonly at: number | undefined;
      readonly moment: CrashMoment;
      readonly counted?: (request: KubeRequest) => boolean;
    },
  ) {
    this.#inner = inner;
    this.#at = crash.at;
    this.#moment = crash.moment;
    this.#counted = crash.counted ?? countedWrite;
  }

  /** Aborts at the crash. */
  get dead(): AbortSignal {
    return this.#death.signal;
  }

  async request(request: KubeRequest): Promise<unknown> {
    this.#live();
    const fatal = this.#count(request);
    if (fatal && this.#moment === 'before') this.#die();
    try {
      return await this.#inner.request(request);
    } finally {
      if (fatal) this.#die();
      this.#live();
    }
  }

  async stream(request: KubeRequest): Promise<AsyncIterable<Uint8Array>> {
    this.#live();
    return this.#inner.stream(request);
  }

  /** The inner transport belongs to the world, which outlives the crash. */
  async [Symbol.asyncDispose](): Promise<void> {}

  /** True where this is the write to die at. */
  #count(request: KubeRequest): boolean {
    if (!this.#counted(request)) return false;
    this.writes.push(`${request.verb} ${request.resource}`);
    return this.writes.length === this.#at;
  }

  #live(): void {
    if (this.dead.aborted) throw new KubeError('Aborted', 'the process is gone');
  }

  #die(): never {
    this.#death.abort();
    throw new KubeError('Aborted', 'the process is gone');
  }
}

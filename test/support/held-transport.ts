import type { KubeRequest, Transport } from '../../operator/kube/client/transport.ts';

/**
 * A transport whose watches can be held: the caches above it then show an old world, while reads
 * and writes go on. Nothing is lost; it all comes when they are let go.
 */
export class HeldTransport implements Transport {
  readonly #inner: Transport;
  #held: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;

  constructor(inner: Transport) {
    this.#inner = inner;
  }

  hold(): void {
    this.#held ??= Promise.withResolvers<void>();
  }

  letGo(): void {
    this.#held?.resolve();
    this.#held = undefined;
  }

  async request(request: KubeRequest): Promise<unknown> {
    return this.#inner.request(request);
  }

  async stream(request: KubeRequest): Promise<AsyncIterable<Uint8Array>> {
    return this.#pass(await this.#inner.stream(request), request.signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.letGo();
  }

  async *#pass(stream: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const aborted = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    for await (const chunk of stream) {
      while (this.#held !== undefined && !signal.aborted)
        await Promise.race([this.#held.promise, aborted]);
      yield chunk;
    }
  }
}

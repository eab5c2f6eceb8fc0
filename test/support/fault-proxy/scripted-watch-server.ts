import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One watch event as a line without its end. */
export const event = (n: number) =>
  JSON.stringify({
    type: 'ADDED',
    object: { metadata: { name: `p${n}`, resourceVersion: `${n}` } },
  });
/** `count` events, from number `from` on. */
export const lines = (from: number, count: number) =>
  Array.from({ length: count }, (_, at) => `${event(from + at)}\n`).join('');

/** A server whose watches stay open until told; `seen` are the requests that reached it. */
export class Script implements AsyncDisposable {
  readonly seen: { method: string; body: string; headers: IncomingMessage['headers'] }[] = [];
  readonly watches: ServerResponse[] = [];
  readonly #server = createServer((incoming, answer) => void this.#answer(incoming, answer));

  static async start(): Promise<Script> {
    const script = new Script();
    script.#server.listen(0, '127.0.0.1');
    await once(script.#server, 'listening');
    return script;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  say(text: string): void {
    for (const watch of this.watches) watch.write(text);
  }

  async #answer(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(part as Buffer);
    this.seen.push({
      method: incoming.method ?? '',
      body: Buffer.concat(parts).toString(),
      headers: incoming.headers,
    });
    if (!(incoming.url ?? '').includes('watch=1')) {
      answer
        .setHeader('content-type', 'application/json')
        .end(JSON.stringify({ items: [1, 2, 3] }));
      return;
    }
    this.watches.push(answer);
    answer.flushHeaders();
    answer.write(lines(1, 10));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
  }
}

/** What a watch gave so far and how it ended. */
export class Reading {
  text = '';
  ended: 'clean' | 'broken' | undefined;
  readonly #done: Promise<void>;
  readonly #wake = new EventTarget();

  constructor(body: AsyncIterable<Buffer>) {
    this.#done = this.#read(body);
  }

  get events(): number {
    return this.text.split('\n').length - 1;
  }

  async until(events: number): Promise<void> {
    while (this.events < events && this.ended === undefined)
      await once(this.#wake, 'more', { signal: AbortSignal.timeout(10_000) });
  }

  async end(): Promise<string> {
    await this.#done;
    return this.text;
  }

  async #read(body: AsyncIterable<Buffer>): Promise<void> {
    try {
      for await (const chunk of body) {
        this.text += chunk.toString();
        this.#wake.dispatchEvent(new Event('more'));
      }
      this.ended = 'clean';
    } catch {
      this.ended = 'broken';
    }
    this.#wake.dispatchEvent(new Event('more'));
  }
}

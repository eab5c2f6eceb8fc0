import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

interface Link {
  readonly number: number;
  readonly outer: Socket;
  readonly inner: Socket;
  /** The end of the inner connection becomes a reset of the outer one. */
  doomed: boolean;
}

/**
 * Passes TCP connections on to a server on this host, and can do to them what a network does:
 * reset, swallow, refuse. It stands apart from the server that speaks TLS, so that these faults hit
 * whole connections whatever is spoken on them.
 */
export class TcpRelay implements AsyncDisposable {
  readonly #target: number;
  readonly #links = new Map<number, Link>();
  #server: Server | undefined;
  #port = 0;
  #accepted = 0;

  private constructor(target: number) {
    this.#target = target;
  }

  static async listen(target: number): Promise<TcpRelay> {
    const relay = new TcpRelay(target);
    await relay.open();
    return relay;
  }

  get port(): number {
    return this.#port;
  }

  /** Connections that were accepted so far. */
  get accepted(): number {
    return this.#accepted;
  }

  get openLinks(): number {
    return this.#links.size;
  }

  /** Number of the connection that reaches the target from this port. */
  numberOf(innerPort: number): number {
    return this.#links.get(innerPort)?.number ?? 0;
  }

  /** Accepts connections (again), on the same port. */
  async open(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer({ noDelay: true, pauseOnConnect: true }, (outer) => {
      this.#link(outer);
    });
    this.#server = server;
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Refuses connections and resets those that are open. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.resetAll();
    if (server === undefined) return;
    const closed = once(server, 'close');
    server.close();
    await closed;
  }

  reset(innerPort: number): void {
    const link = this.#links.get(innerPort);
    if (link === undefined) return;
    this.#links.delete(innerPort);
    link.outer.resetAndDestroy();
    link.inner.destroy();
  }

  /** Resets the connection when the target ends it, after all that the target has sent. */
  doom(innerPort: number): void {
    const link = this.#links.get(innerPort);
    if (link !== undefined) link.doomed = true;
  }

  resetAll(): void {
    for (const innerPort of [...this.#links.keys()]) this.reset(innerPort);
  }

  /** From now on no byte passes; both sockets stay open. */
  swallow(innerPort: number): void {
    const link = this.#links.get(innerPort);
    if (link === undefined) return;
    for (const socket of [link.outer, link.inner]) {
      socket.unpipe();
      socket.pause();
    }
  }

  /** Ends a stall: what the sockets held meanwhile passes. */
  release(innerPort: number): void {
    const link = this.#links.get(innerPort);
    if (link !== undefined) join(link);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #link(outer: Socket): void {
    this.#accepted += 1;
    const number = this.#accepted;
    const inner = connect({ host: '127.0.0.1', port: this.#target, noDelay: true });
    let innerPort = 0;
    const drop = () => {
      if (this.#links.get(innerPort)?.number === number) this.#links.delete(innerPort);
      outer.destroy();
      inner.destroy();
    };
    outer.on('error', drop).on('close', drop);
    inner.on('error', () => inner.destroy());
    inner.on('close', () => {
      const doomed = this.#links.get(innerPort)?.doomed === true;
      // The empty write is done when all before it is.
      outer.write('', () => (doomed ? outer.resetAndDestroy() : outer.destroySoon()));
      if (outer.writableEnded || outer.destroyed) drop();
    });
    inner.once('connect', () => {
      if (outer.destroyed || this.#server === undefined) {
        drop();
        return;
      }
      innerPort = inner.localPort ?? 0;
      const link = { number, outer, inner, doomed: false };
      this.#links.set(innerPort, link);
      join(link);
    });
  }
}

function join({ outer, inner }: Link): void {
  outer.pipe(inner);
  inner.pipe(outer, { end: false });
}

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { ClawError } from '../../../src/base/error.ts';
import { type Probe, zProbeEnd } from './peer-protocol.ts';

const PORTS = '53,80,8080,9090';

/** A network namespace with one process in it that listens on ports 53, 80, 8080 and 9090. */
export class Peer implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #waiting = new Map<number, (outcome: string) => void>();
  #probes = 0;

  private constructor() {
    const main = new URL('./peer-main.ts', import.meta.url).pathname;
    // unshare becomes the program, so that the process id is the namespace's.
    this.#child = spawn('unshare', ['--net', process.execPath, main, PORTS], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const { id, outcome } = zProbeEnd.parse(JSON.parse(line));
      this.#waiting.get(id)?.(outcome);
      this.#waiting.delete(id);
    });
    this.#child.once('close', () => {
      for (const done of this.#waiting.values()) done('ended');
    });
  }

  static async start(): Promise<Peer> {
    const peer = new Peer();
    const ready = await peer.#outcome(0);
    if (ready !== 'ready')
      throw new ClawError('Internal', 'a network namespace could not be made: this needs root');
    return peer;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** What comes of a connection, or of a datagram that asks for an answer; see `zProbeEnd`. */
  reach(address: string, port: number, protocol: Probe['protocol'] = 'tcp'): Promise<string> {
    this.#probes += 1;
    const probe: Probe = { id: this.#probes, address, port, protocol };
    this.#child.stdin.write(`${JSON.stringify(probe)}\n`);
    return this.#outcome(probe.id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const closed = once(this.#child, 'close');
    this.#child.stdin.end();
    await closed;
  }

  #outcome(id: number): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.#waiting.set(id, resolve);
    return promise;
  }
}

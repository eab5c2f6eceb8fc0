import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import {
  type LeaderConfig,
  type LeaderEvent,
  type StopPoint,
  zLeaderEvent,
} from './leader-protocol.ts';

const PROGRAM = fileURLToPath(new URL('leader-child.ts', import.meta.url));

/** A running leader-child.ts and everything that it has said. */
export class LeaderProcess implements AsyncDisposable {
  readonly identity: string;
  readonly events: LeaderEvent[] = [];
  readonly #child: ChildProcess;
  /** Resolves when it has ended and all that it said is in `events`. */
  readonly closed: Promise<void>;
  #ended = false;

  /** @param told Called after each event. */
  constructor(config: LeaderConfig, told: () => void) {
    this.identity = config.identity;
    // It ends with this process also while it is stopped.
    this.#child = spawn(
      'setpriv',
      [
        '--pdeathsig',
        'KILL',
        '--',
        process.execPath,
        '--no-warnings',
        PROGRAM,
        JSON.stringify(config),
      ],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    this.closed = once(this.#child, 'close').then(() => {
      this.#ended = true;
    });
    const { stdout, stdin } = this.#child;
    stdin?.on('error', () => undefined);
    if (stdout !== null)
      createInterface({ input: stdout }).on('line', (line) => {
        this.events.push(zLeaderEvent.parse(JSON.parse(line)));
        told();
      });
  }

  /** True where all that it said is in `events` too. */
  get ended(): boolean {
    return this.#ended;
  }

  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  get leads(): boolean {
    return !this.ended && this.events.some(({ type }) => type === 'leading');
  }

  count(type: LeaderEvent['type']): number {
    return this.events.filter((event) => event.type === type).length;
  }

  signal(name: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(name);
  }

  /** The process stops itself at this point of its next write. */
  stopAt(point: StopPoint): void {
    this.#child.stdin?.write(`${point}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.ended) this.#child.kill('SIGKILL');
    await this.closed;
  }
}

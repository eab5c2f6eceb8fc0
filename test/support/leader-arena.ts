import { randomUUID } from 'node:crypto';
import { createKubeClient, type KubeClient } from '../../operator/kube/client/typed-client.ts';
import { type Lease, leases } from '../../operator/kube/election/lease.ts';
import { zKubeObject } from '../../operator/kube/objects/kube-object.ts';
import { defineResource } from '../../operator/kube/objects/resource.ts';
import { transportOf } from './cluster-client.ts';
import { judge, type Verdict } from './leader-judge.ts';
import { LeaderProcess } from './leader-process.ts';
import { type LeaderConfig, logEntries, type StopPoint } from './leader-protocol.ts';
import { collectLeases } from './lease-history.ts';

/** The leases of the proof. */
export const SHORT_LEASE = { leaseDurationMs: 3000, renewDeadlineMs: 2000, retryPeriodMs: 500 };
/** The defaults. */
export const DEFAULT_LEASE = {
  leaseDurationMs: 15_000,
  renewDeadlineMs: 10_000,
  retryPeriodMs: 2000,
};

const PROCESSES = 2;
const TICK_MS = 40;
/** A blow is over when the next leader has written so many. */
const ENTRIES_OF_NEXT = 3;
/** On top of a lease duration, for a host with much else to do. */
const PATIENCE_MS = 45_000;

const namespaces = defineResource({
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  namespaced: false,
  schema: zKubeObject,
});

export type ArenaOptions = Pick<LeaderConfig, 'kubeconfig' | 'namespace'> &
  Partial<Omit<LeaderConfig, 'identity'>>;

/** What came of one forced hand-over. */
export interface HandOver {
  readonly from: LeaderProcess;
  /** From the blow until the next leader began. */
  readonly ms: number;
}

/** Two processes that want to lead, the blows that they get, and the judge of what they write. */
export class LeaderArena implements AsyncDisposable {
  readonly #options: Omit<LeaderConfig, 'identity'>;
  readonly #client: KubeClient;
  readonly #watching = new AbortController();
  readonly #history: Promise<readonly Lease[]>;
  readonly #everyone: LeaderProcess[] = [];
  #closing = false;
  #look: () => void = () => undefined;

  private constructor(options: ArenaOptions, client: KubeClient) {
    this.#options = { tickMs: TICK_MS, fenced: true, locked: true, ...SHORT_LEASE, ...options };
    this.#client = client;
    const watched = client.for(leases);
    this.#history = collectLeases(watched, options.namespace, this.#watching.signal);
  }

  /** Makes the namespace, starts both processes and waits until one leads and the other stands by. */
  static async open(options: ArenaOptions): Promise<LeaderArena> {
    const client = createKubeClient({ transport: transportOf(options.kubeconfig, 'judge') });
    const { signal } = new AbortController();
    const metadata = { name: options.namespace };
    await client.for(namespaces).create({ metadata }, { signal, fieldManager: 'judge' });
    const arena = new LeaderArena(options, client);
    for (let started = 0; started < PROCESSES; started += 1) arena.#start();
    await arena.#until('a leader that writes and another candidate', () => arena.#ready());
    return arena;
  }

  get leader(): LeaderProcess {
    const leader = this.#leading();
    if (leader === undefined) throw new Error('nobody leads');
    return leader;
  }

  /** kill -9, or SIGTERM, on which the leader hands over. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<HandOver> {
    const from = await this.#written();
    const handOver = await this.#succession(from, async () => from.signal(signal));
    await this.#until('the end of the former leader', () => from.ended);
    return handOver;
  }

  /**
   * Stops the leader until another one writes, then wakes it up and waits for its end. At `anywhere`
   * the blow comes at a random moment, else at this point of a write.
   */
  async stop(point: StopPoint | 'anywhere'): Promise<HandOver> {
    const from = await this.#written();
    const handOver = await this.#succession(from, async () => {
      if (point === 'anywhere') from.signal('SIGSTOP');
      else from.stopAt(point);
    });
    from.signal('SIGCONT');
    await this.#until('the end of the woken leader', () => from.ended);
    return handOver;
  }

  /** The API server is away for as long as the leader can live without it. */
  async outage(server: { stop(): Promise<void>; start(): Promise<void> }): Promise<HandOver> {
    const from = await this.#written();
    return await this.#succession(from, async () => {
      await server.stop();
      await this.#until('the end of the leader without an API server', () => from.ended);
      await server.start();
    });
  }

  /** Ends the processes and judges all that they wrote. */
  async verdict(): Promise<Verdict> {
    await this.#endProcesses();
    const selection = { namespace: this.#options.namespace, labelSelector: 'log=leaders' };
    const { signal } = new AbortController();
    const log = await this.#client.for(logEntries).list(selection, { signal });
    this.#watching.abort();
    return judge(log.items, await this.#history);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#endProcesses();
    this.#watching.abort();
    await this.#history;
    await this.#client.transport[Symbol.asyncDispose]();
  }

  async #endProcesses(): Promise<void> {
    this.#closing = true;
    await Promise.all(this.#everyone.map((each) => each[Symbol.asyncDispose]()));
  }

  /** Starts a process, and another one when it has ended, whatever the reason was. */
  #start(): void {
    const identity = `leader-${this.#everyone.length}-${randomUUID().slice(0, 8)}`;
    const started = new LeaderProcess({ ...this.#options, identity }, () => this.#look());
    this.#everyone.push(started);
    void started.closed.then(() => {
      if (!this.#closing) this.#start();
      this.#look();
    });
  }

  #leading(but?: LeaderProcess): LeaderProcess | undefined {
    return this.#everyone.findLast((each) => each !== but && each.leads);
  }

  #ready(): boolean {
    const alive = this.#everyone.filter(({ ended }) => !ended);
    const candidates = alive.filter((each) => each.count('candidate') > 0);
    return candidates.length >= PROCESSES && alive.some((each) => each.count('written') > 0);
  }

  /**
   * The leader, after a random number of further entries: blows come at any phase of a term. On a
   * host with much else to do a leader may lose its lease by itself at any time.
   */
  async #written(): Promise<LeaderProcess> {
    await this.#until('a leader that writes and another candidate', () => this.#ready());
    const before = this.#leading();
    const known = before?.count('written') ?? 0;
    const more = 1 + Math.floor(Math.random() * 10);
    await this.#until(`${more} further entries of a leader`, () => {
      const leader = this.#leading();
      return (
        leader !== undefined && leader.count('written') - (leader === before ? known : 0) >= more
      );
    });
    return this.leader;
  }

  async #succession(from: LeaderProcess, blow: () => Promise<void>): Promise<HandOver> {
    const startedAt = performance.now();
    await blow();
    await this.#until('another leader', () => this.#leading(from) !== undefined);
    const ms = performance.now() - startedAt;
    const written = (): number => this.#leading(from)?.count('written') ?? 0;
    await this.#until('entries of the next leader', () => written() >= ENTRIES_OF_NEXT);
    return { from, ms };
  }

  async #until(what: string, condition: () => boolean): Promise<void> {
    const limitMs = this.#options.leaseDurationMs + PATIENCE_MS;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      const said = this.#everyone.slice(-3).map((each) => JSON.stringify(each.events.slice(-4)));
      reject(new Error(`${what}: not within ${limitMs} ms; last said: ${said.join(' ')}`));
    }, limitMs);
    this.#look = () => {
      if (condition()) resolve();
    };
    this.#look();
    try {
      await promise;
    } finally {
      clearTimeout(timer);
    }
  }
}

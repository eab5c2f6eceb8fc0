import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { ClawError } from '../../src/base/error.ts';
import type { HostEnv } from './cluster-host.ts';
import type { Ledger } from './ledger.ts';
import { logTail } from './log-tail.ts';
import { identify, type ProcessIdentity } from './process-identity.ts';
import { POLL_MS } from './wait-until.ts';

export interface ProgramSpec {
  /** Unique within the cluster: names the log file and the program in every message. */
  readonly name: string;
  readonly argv: readonly [string, ...string[]];
  /** Command line that enters a namespace and then becomes the program, for example `ip netns exec`. */
  readonly enter?: readonly string[];
  /** Added to the environment of the cluster. */
  readonly env?: Readonly<Record<string, string>>;
  /** Asked again and again until true; left out: ready as soon as it is started. */
  readonly ready?: (signal: AbortSignal) => Promise<boolean>;
  /** How long `ready` may take, in seconds; 60 where left out. */
  readonly readySeconds?: number;
  /** How long it may take to end after SIGTERM before it is killed, in seconds; 10 where left out. */
  readonly stopSeconds?: number;
}

/** One started program. */
export interface ProgramStatus {
  readonly name: string;
  readonly pid: number;
  readonly running: boolean;
  readonly logPath: string;
}

interface Started {
  readonly spec: ProgramSpec;
  readonly child: ChildProcess;
  readonly identity: ProcessIdentity;
  readonly ended: Promise<unknown>;
}

const READY_SECONDS = 60;
const STOP_SECONDS = 10;

export interface ProgramsOptions {
  readonly stateFolder: string;
  readonly env: HostEnv;
  readonly ledger: Ledger;
}

/**
 * The programs of one cluster. Each writes to a log file of its own, is recorded in the ledger, and
 * is killed by the kernel when the process that started it dies.
 */
export class Programs {
  readonly #options: ProgramsOptions;
  readonly #started = new Map<string, Started>();

  constructor(options: ProgramsOptions) {
    this.#options = options;
  }

  /**
   * Starts a program and waits until it is ready. Fails with `ClusterFailed` and the end of its log
   * where it ends before that or is not ready in time; it is stopped then.
   */
  async start(spec: ProgramSpec, signal: AbortSignal): Promise<void> {
    if (this.isRunning(spec.name)) {
      throw new ClawError('Conflict', `${spec.name} runs already in this cluster: stop it first`);
    }
    signal.throwIfAborted();
    const started = this.#spawn(spec);
    this.#started.set(spec.name, started);
    try {
      await this.#waitReady(started, signal);
    } catch (cause) {
      await this.stop(spec.name);
      throw cause;
    }
  }

  /** Starts the program of this name again with the command line it had; it must have ended. */
  async startAgain(name: string, signal: AbortSignal): Promise<void> {
    await this.start(this.#find(name).spec, signal);
  }

  /** SIGTERM, then SIGKILL after the program's own patience. No error where it has ended. */
  async stop(name: string): Promise<void> {
    const started = this.#find(name);
    started.child.kill('SIGTERM');
    // A program that a test has stopped by SIGSTOP hears SIGTERM only when it goes on.
    started.child.kill('SIGCONT');
    const patience = (started.spec.stopSeconds ?? STOP_SECONDS) * 1000;
    const killer = setTimeout(() => started.child.kill('SIGKILL'), patience);
    await started.ended;
    clearTimeout(killer);
  }

  /** Sends a signal, for tests that kill or freeze; false where the program has ended. */
  signal(name: string, signal: NodeJS.Signals): boolean {
    return this.#find(name).child.kill(signal);
  }

  /** Resolves when the program has ended. */
  async ended(name: string): Promise<void> {
    await this.#find(name).ended;
  }

  isRunning(name: string): boolean {
    const started = this.#started.get(name);
    return started !== undefined && !hasEnded(started.child);
  }

  /** All that were started, in that order. */
  list(): readonly ProgramStatus[] {
    return [...this.#started.values()].map(({ spec, identity, child }) => ({
      name: spec.name,
      pid: identity.pid,
      running: !hasEnded(child),
      logPath: this.logPath(spec.name),
    }));
  }

  /** Stops all, the last started first. */
  async stopAll(): Promise<void> {
    for (const name of [...this.#started.keys()].reverse()) await this.stop(name);
  }

  logPath(name: string): string {
    return join(this.#options.stateFolder, `${name}.log`);
  }

  #find(name: string): Started {
    const started = this.#started.get(name);
    if (started !== undefined) return started;
    const names = [...this.#started.keys()].join(', ');
    throw new ClawError('NotFound', `no program ${name} in this cluster; there are: ${names}`);
  }

  #spawn(spec: ProgramSpec): Started {
    const { stateFolder, env, ledger } = this.#options;
    const log = openSync(this.logPath(spec.name), 'a');
    try {
      const child = spawn(
        'setpriv',
        ['--pdeathsig', 'KILL', '--', ...(spec.enter ?? []), ...spec.argv],
        {
          cwd: stateFolder,
          env: { ...env, HOME: stateFolder, ...spec.env },
          stdio: ['ignore', log, log],
          // A session of its own: Ctrl-C in the terminal must not reach it.
          detached: true,
        },
      );
      child.once('error', () => undefined);
      const identity = child.pid === undefined ? undefined : identify(child.pid);
      if (child.pid === undefined) {
        throw new ClawError(
          'MissingTool',
          'setpriv cannot be started and every program of a cluster runs under it: install util-linux',
        );
      }
      const known = identity ?? { pid: child.pid, startTicks: 0 };
      ledger.record({ kind: 'process', name: spec.name, ...known });
      return { spec, child, identity: known, ended: once(child, 'exit') };
    } finally {
      closeSync(log);
    }
  }

  async #waitReady({ spec, child }: Started, signal: AbortSignal): Promise<void> {
    const seconds = spec.readySeconds ?? READY_SECONDS;
    const deadline = AbortSignal.timeout(seconds * 1000);
    const both = AbortSignal.any([signal, deadline]);
    while (!(await isReady(spec, both))) {
      signal.throwIfAborted();
      const why = hasEnded(child)
        ? `ended with ${child.signalCode ?? `exit code ${child.exitCode}`} before it was ready`
        : `was not ready within ${seconds} s`;
      if (hasEnded(child) || deadline.aborted) throw this.#failure(spec.name, why);
      await systemClock.sleep(POLL_MS);
    }
  }

  #failure(name: string, why: string): ClawError {
    const path = this.logPath(name);
    return new ClawError(
      'ClusterFailed',
      `${name} ${why}. The end of its log, ${path}:\n${logTail(path)}`,
    );
  }
}

async function isReady(spec: ProgramSpec, signal: AbortSignal): Promise<boolean> {
  if (spec.ready === undefined) return true;
  try {
    return await spec.ready(signal);
  } catch {
    return false;
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

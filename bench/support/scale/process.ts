import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';

/** Ticks of a second in /proc on every Linux that Node runs on. */
const TICKS = 100;
const STOP_MS = 20_000;

/** One program of ours with a log of its own; it is killed with the process that started it. */
export class OwnProcess implements AsyncDisposable {
  readonly name: string;
  readonly logPath: string;
  readonly #child: ChildProcess;
  readonly #ended = Promise.withResolvers<void>();
  readonly #lines: string[] = [];

  constructor(
    name: string,
    argv: readonly string[],
    options: { readonly logPath: string; readonly env: Readonly<Record<string, string>> },
  ) {
    this.name = name;
    this.logPath = options.logPath;
    const log = openSync(options.logPath, 'a');
    this.#child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...argv], {
      stdio: ['ignore', 'pipe', log],
      env: { PATH: process.env['PATH'], ...options.env },
    });
    closeSync(log);
    this.#child.once('close', () => this.#ended.resolve());
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#lines.push(text));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** All of its standard output so far. */
  get output(): string {
    return this.#lines.join('');
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The end of what it said, for messages. */
  get lastWords(): string {
    return `${this.output}${readFileSync(this.logPath, 'utf8')}`.slice(-3000);
  }

  /** SIGTERM, later SIGKILL; resolves when it has ended. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    const killer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
    await this.#ended.promise;
    clearTimeout(killer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** CPU seconds that a process has used, its kernel time included; 0 where it is gone. */
export async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name, which stands in brackets, may hold blanks.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user, system] = [Number(fields[11] ?? 0), Number(fields[12] ?? 0)];
  return (user + system) / TICKS;
}

const zMegabytes = z.coerce.number().transform((kibibytes) => (kibibytes * 1024) / 1e6);

/** Resident memory in MB; undefined where the process is gone. */
async function residentMb(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return zMegabytes.optional().parse(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]);
}

export interface MemoryUse {
  readonly mostMb: number;
  /** Medians of the second and of the last third of the time. */
  readonly middleMb: number;
  readonly lateMb: number;
}

const SAMPLE_MS = 500;

/** Looks at the resident memory of a process until `stop` is called. */
export function sampleMemory(pid: number): { readonly stop: () => MemoryUse } {
  const samples: number[] = [];
  const timer = setInterval(() => {
    void residentMb(pid).then((mb) => mb !== undefined && samples.push(mb));
  }, SAMPLE_MS);
  return {
    stop: () => {
      clearInterval(timer);
      const third = Math.floor(samples.length / 3);
      return {
        mostMb: Math.max(0, ...samples),
        middleMb: median(samples.slice(third, 2 * third)),
        lateMb: median(samples.slice(2 * third)),
      };
    },
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
}

import { spawn } from 'node:child_process';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { errorMessage } from '../../src/base/error.ts';
import { killGroup } from '../../src/base/kill-group.ts';

/** How a claim's command ended. */
export interface ClaimOutcome {
  readonly passed: boolean;
  /** Last non-empty line of stdout, cleaned and bounded; empty where there was none. */
  readonly figure: string;
  /** Why it failed: exit code, signal or time-out. Empty where it passed. */
  readonly reason: string;
  readonly seconds: number;
}

export interface RunClaimOptions {
  readonly cwd: string;
  /** Everything that the command prints goes here. */
  readonly logFile: string;
  /** The whole process group is killed after this. */
  readonly timeoutSeconds: number;
  readonly signal: AbortSignal;
}

/** In characters; the page shows one line a claim. */
const MAX_FIGURE = 400;

/** Runs one command through bash and reads its figure. Never rejects for what the command does. */
export async function runClaim(command: string, options: RunClaimOptions): Promise<ClaimOutcome> {
  await mkdir(dirname(options.logFile), { recursive: true });
  await writeFile(options.logFile, '');
  await using log = await open(options.logFile, 'a');
  const started = performance.now();
  const last = new LastLine();
  const child = spawn('bash', ['-c', command], {
    cwd: options.cwd,
    // A process group of its own, so that a deadline ends everything the command started.
    detached: true,
    stdio: ['ignore', 'pipe', log.fd],
  });
  let written: Promise<unknown> = Promise.resolve();
  child.stdout?.on('data', (chunk: Buffer) => {
    last.add(chunk);
    written = written.then(() => log.write(chunk));
  });
  const stop = { reason: '' };
  const kill = (reason: string): void => {
    stop.reason = reason;
    killGroup(child.pid);
  };
  const timer = setTimeout(
    () => kill(`no end within ${options.timeoutSeconds} s`),
    options.timeoutSeconds * 1000,
  );
  const abort = (): void => kill('cancelled');
  options.signal.addEventListener('abort', abort, { once: true });
  if (options.signal.aborted) abort();
  const end = await ended(child);
  clearTimeout(timer);
  options.signal.removeEventListener('abort', abort);
  await written;
  const passed = end === 'exit code 0' && stop.reason === '';
  return {
    passed,
    figure: last.line(),
    reason: passed ? '' : stop.reason || end,
    seconds: (performance.now() - started) / 1000,
  };
}

function ended(child: ReturnType<typeof spawn>): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (cause) => resolve(`not started: ${errorMessage(cause)}`));
    child.once('close', (code, signal) => {
      resolve(signal === null ? `exit code ${code}` : `killed by ${signal}`);
    });
  });
}

/** Keeps the last non-empty line of a stream in bounded memory. */
class LastLine {
  readonly #decoder = new TextDecoder();
  #complete = '';
  #open = '';

  add(chunk: Buffer): void {
    const text = this.#decoder.decode(chunk, { stream: true });
    const lines = (this.#open + text).split('\n');
    this.#open = (lines.pop() ?? '').slice(-4096);
    this.#complete = lines.findLast((line) => clean(line) !== '') ?? this.#complete;
  }

  line(): string {
    return bounded(clean(clean(this.#open) === '' ? this.#complete : this.#open));
  }
}

/** Cut at the end of a word, where it is too long: half a word reads like another one. */
function bounded(figure: string): string {
  if (figure.length <= MAX_FIGURE) return figure;
  const kept = figure.slice(0, MAX_FIGURE);
  const end = kept.lastIndexOf(' ');
  return `${(end > 0 ? kept.slice(0, end) : kept).trimEnd()} …`;
}

const clean = (line: string): string => stripVTControlCharacters(line).replaceAll('\r', '').trim();

import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Clock } from '../../base/clock.ts';
import { ClawError } from '../../base/error.ts';
import { killGroup } from '../../base/kill-group.ts';
import { markIsDead, processMark } from '../../store/process-mark.ts';

export interface ProgramOptions {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Both outputs are added to this file. */
  readonly logFile: string;
  /** Names the process: a start over the same file first ends the one that is named there. */
  readonly pidFile: string;
}

export interface ProgramEnd {
  /** 128 + signal where a signal ended it. */
  readonly exitCode: number;
}

/** A program that runs beside this process and never outlives it. */
export interface GuardedProgram {
  readonly pid: number;
  readonly ended: Promise<ProgramEnd>;
  /** Aborts when the program has ended. */
  readonly gone: AbortSignal;
  /** The last lines of its log, for messages. */
  lastWords(): string;
  /** SIGTERM, and SIGKILL to its group after `graceMs`; resolves when it has ended. */
  stop(graceMs: number, clock: Clock): Promise<void>;
}

const SIGNALS: Readonly<Record<string, number>> = { SIGTERM: 15, SIGKILL: 9, SIGINT: 2 };
const SHOWN = 1500;

/**
 * Starts a program with a pipe as standard input that nothing is written to. It must end when that pipe
 * ends, which the death of this process brings about, whatever it died of (see `GUARD`).
 */
export function startProgram(options: ProgramOptions): GuardedProgram {
  endLeftover(options.pidFile);
  const [program, ...args] = options.argv;
  if (program === undefined) throw new ClawError('Internal', 'a program without a name');
  const log = openSync(options.logFile, 'a', 0o600);
  try {
    const { cwd, env } = options;
    const stdio = ['pipe', log, log] as const;
    const child = spawn(program, args, { cwd, env, detached: true, stdio: [...stdio] });
    const ended = Promise.withResolvers<ProgramEnd>();
    const gone = new AbortController();
    const end = (exitCode: number): void => {
      rmSync(options.pidFile, { force: true });
      ended.resolve({ exitCode });
      gone.abort();
    };
    child.on('error', () => end(127));
    child.on('exit', (code, by) => end(code ?? 128 + (SIGNALS[by ?? ''] ?? 0)));
    // A broken pipe is the program's end, which is told elsewhere.
    child.stdin?.on('error', () => undefined);
    const pid = child.pid ?? 0;
    if (pid > 0) writeFileSync(options.pidFile, `${pid} ${processMark(pid)}`, { mode: 0o600 });
    const stop = (graceMs: number, clock: Clock): Promise<void> =>
      stopProgram({ pid, ended: ended.promise, gone: gone.signal }, graceMs, clock);
    const lastWords = (): string => tailOf(options.logFile);
    return { pid, ended: ended.promise, gone: gone.signal, lastWords, stop };
  } finally {
    closeSync(log);
  }
}

async function stopProgram(
  { pid, ended, gone }: Pick<GuardedProgram, 'pid' | 'ended' | 'gone'>,
  graceMs: number,
  clock: Clock,
): Promise<void> {
  if (gone.aborted || pid === 0) return;
  try {
    process.kill(pid, 'SIGTERM');
  } catch {
    // It has ended, and the event is on its way.
  }
  await Promise.race([ended, clock.sleep(graceMs, gone).catch(() => undefined)]);
  killGroup(pid);
  await ended;
}

/** One that outlived its parent for a moment must not write beside its successor. */
function endLeftover(pidFile: string): void {
  let text: string;
  try {
    text = readFileSync(pidFile, 'utf8');
  } catch {
    return;
  }
  const [pid, mark] = text.split(' ', 2);
  if (pid !== undefined && mark !== undefined && !markIsDead(mark)) killGroup(Number(pid));
  rmSync(pidFile, { force: true });
}

function tailOf(file: string): string {
  try {
    return readFileSync(file, 'utf8').slice(-SHOWN).trim();
  } catch {
    return '';
  }
}

/**
 * Runs a Python module that ends at once when standard input ends: `python -c GUARD MODULE ARGUMENTS`.
 * What it keeps is written so that it may end anywhere.
 */
export const PYTHON_GUARD = `
import os, runpy, sys, threading

def watch():
    try:
        while os.read(0, 4096):
            pass
    except OSError:
        pass
    os._exit(137)

threading.Thread(target=watch, daemon=True).start()
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
`;

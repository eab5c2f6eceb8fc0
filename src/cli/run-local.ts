import { ClawError, errorMessage } from '../base/error.ts';
import { commandLine } from './command-line.ts';
import { cliEnvironment } from './environment.ts';
import { type ExecuteOptions, executeRun } from './execute-run.ts';
import { EXIT_DEADLINE, finishRun } from './finish-run.ts';
import type { OutputFormat } from './output-format.ts';
import { runDeadline } from './run-deadline.ts';
import type { RunRequest } from './run-request.ts';
import { statusLine } from './status-line.ts';
import { stderrLogger } from './stderr-logger.ts';
import { isStop, stopSignal } from './stop-signal.ts';

export interface RunLocalOptions {
  readonly out: string;
  readonly output: OutputFormat;
}

/** The common end of `run` and `bench`: run, show progress on stderr, print results, set exit code. */
export async function runLocal(request: RunRequest, options: RunLocalOptions): Promise<void> {
  const say = (text: string): void => void process.stderr.write(text);
  using stop = stopSignal(say);
  using deadline = runDeadline(request.deadlineSeconds);
  const signal = AbortSignal.any([stop.signal, deadline.signal]);
  const atDeadline = (): boolean => signal.aborted && signal.reason === deadline.signal.reason;
  try {
    const run = await executeRun(request, executeOptions(options.out, signal, say));
    process.exitCode = finishRun(run, {
      atDeadline: atDeadline(),
      output: options.output,
      write: (text) => void process.stdout.write(text),
      say,
    });
    if (run.failure !== undefined) throw run.failure;
  } catch (cause) {
    if (!isStop(cause, signal)) throw cause;
    if (!atDeadline()) throw new ClawError('Cancelled', STOPPED_EARLY, { cause });
    say(`error: ${errorMessage(deadline.signal.reason)}\n`);
    process.exitCode = EXIT_DEADLINE;
  }
}

const STOPPED_EARLY =
  'stopped while getting ready, before this run started a rollout; what earlier runs decided is kept';

/** What a run takes from the process that it runs in. */
export function executeOptions(
  out: string,
  signal: AbortSignal,
  write: (text: string) => void,
): ExecuteOptions {
  const environment = cliEnvironment();
  const { interactive } = environment;
  const columns = () => process.stderr.columns ?? 100;
  const line = statusLine({ interactive, columns, write });
  return {
    environment,
    out,
    command: commandLine(process.argv.slice(2), environment.secret),
    logger: stderrLogger((text) => line.write(text)),
    signal,
    progress: line,
    time: {
      now: () => performance.now(),
      every: (ms, tick) => {
        const timer = setInterval(tick, ms);
        return () => clearInterval(timer);
      },
    },
  };
}

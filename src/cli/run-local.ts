import { ClawError } from '../base/error.ts';
import { cliEnvironment } from './environment.ts';
import { executeRun } from './execute-run.ts';
import { finishRun } from './finish-run.ts';
import type { OutputFormat } from './output-format.ts';
import type { RunRequest } from './run-request.ts';
import { stderrLogger } from './stderr-logger.ts';
import { stopSignal } from './stop-signal.ts';

export interface RunLocalOptions {
  readonly out: string;
  readonly output: OutputFormat;
}

/** The common end of `run` and `bench`: run, show progress on stderr, print results, set exit code. */
export async function runLocal(request: RunRequest, options: RunLocalOptions): Promise<void> {
  const environment = cliEnvironment();
  const write = (text: string): void => void process.stderr.write(text);
  const logger = stderrLogger(write);
  using stop = stopSignal((text) => write(text));
  try {
    const run = await executeRun(request, {
      environment,
      out: options.out,
      command: commandLine(process.argv),
      logger,
      signal: runSignal(stop.signal, request.deadlineSeconds),
      progress: {
        interactive: environment.interactive,
        columns: process.stderr.columns ?? 100,
        write,
      },
      time: {
        now: () => performance.now(),
        every: (ms, tick) => {
          const timer = setInterval(tick, ms);
          return () => clearInterval(timer);
        },
      },
    });
    process.exitCode = finishRun(run, options.output, (text) => void process.stdout.write(text));
  } catch (cause) {
    if (!stop.signal.aborted) throw cause;
    throw new ClawError('Cancelled', 'stopped before the first rollout; nothing is lost', {
      cause,
    });
  }
}

function runSignal(stop: AbortSignal, deadlineSeconds: number | undefined): AbortSignal {
  if (deadlineSeconds === undefined) return stop;
  return AbortSignal.any([stop, AbortSignal.timeout(deadlineSeconds * 1000)]);
}

/** The arguments as a user would type them again. */
function commandLine(argv: readonly string[]): string {
  const quoted = argv
    .slice(2)
    .map((part) => (/^[\w@%+=:,./-]+$/.test(part) ? part : `'${part.replaceAll("'", "'\\''")}'`));
  return ['clawgym', ...quoted].join(' ');
}

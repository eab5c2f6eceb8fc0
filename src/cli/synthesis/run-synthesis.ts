import type { SynthesisJob } from '../../api/synthesis-job.ts';
import { ClawError } from '../../base/error.ts';
import { EXIT_INCOMPLETE, EXIT_STOPPED } from '../finish-run.ts';
import type { OutputFormat } from '../output-format.ts';
import { executeOptions, type RunLocalOptions } from '../run-local.ts';
import { isStop, stopSignal } from '../stop-signal.ts';
import { executeSynthesis } from './execute-synthesis.ts';
import { type SynthesisFlags, synthesisRequest } from './synthesis-request.ts';
import { synthesisText } from './synthesis-text.ts';

export interface RunSynthesisOptions extends RunLocalOptions, SynthesisFlags {
  readonly parallel?: number | undefined;
  readonly modelCheck: boolean;
  readonly output: OutputFormat;
}

/**
 * Runs a SynthesisJob on this machine; the same command again goes on where it stopped. Exit code 0:
 * target reached; 3: a budget was used up before; 130: stopped.
 */
export async function runSynthesis(
  object: SynthesisJob,
  options: RunSynthesisOptions,
): Promise<void> {
  const say = (text: string): void => void process.stderr.write(text);
  const request = synthesisRequest(object, options);
  using stop = stopSignal(say);
  try {
    const { parallel, modelCheck, out } = options;
    const parallelism = parallel ?? request.parallelism;
    const common = executeOptions(out, stop.signal, say);
    const summary = await executeSynthesis({ ...request, parallelism }, { ...common, modelCheck });
    process.stdout.write(
      options.output === 'json'
        ? `${JSON.stringify(summary, null, 2)}\n`
        : synthesisText(summary, out),
    );
    if (summary.ended === undefined) {
      say(
        `stopped: ${summary.accepted} of ${summary.target} tasks are accepted; run the same command again to continue\n`,
      );
      process.exitCode = EXIT_STOPPED;
    } else process.exitCode = summary.ended === 'TargetReached' ? 0 : EXIT_INCOMPLETE;
  } catch (cause) {
    if (!isStop(cause, stop.signal)) throw cause;
    throw new ClawError('Cancelled', 'stopped while getting ready; what was done before is kept', {
      cause,
    });
  }
}

import { isComplete } from '../bench/build-results.ts';
import { textSummary } from '../bench/text-summary.ts';
import type { ExecutedRun } from './execute-run.ts';
import type { OutputFormat } from './output-format.ts';

const EXIT_INCOMPLETE = 3;
const EXIT_STOPPED = 130;

/** Prints a run's results and returns the exit code: 0 complete, 3 incomplete, 130 stopped. */
export function finishRun(
  run: ExecutedRun,
  output: OutputFormat,
  write: (text: string) => void,
): number {
  if (output === 'json') write(`${JSON.stringify(run.results, null, 2)}\n`);
  else write(`${textSummary(run.results, run.report)}\n`);
  if (!run.finished) return EXIT_STOPPED;
  return isComplete(run.results) ? 0 : EXIT_INCOMPLETE;
}

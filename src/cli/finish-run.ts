import { isComplete } from '../bench/build-results.ts';
import { textSummary } from '../bench/text-summary.ts';
import type { ExecutedRun } from './execute-run.ts';
import type { OutputFormat } from './output-format.ts';

export const EXIT_INCOMPLETE = 3;
/** As `timeout(1)` ends. */
export const EXIT_DEADLINE = 124;
export const EXIT_STOPPED = 130;

export interface RunEnd {
  /** True where the run's own deadline stopped it, and not a user. */
  readonly atDeadline: boolean;
  readonly output: OutputFormat;
  /** Results, for stdout. */
  readonly write: (text: string) => void;
  /** A word to the user, for stderr. */
  readonly say: (text: string) => void;
}

/**
 * Prints a run's results and returns the exit code: 0 complete, 3 incomplete, 124 deadline, 130
 * stopped.
 */
export function finishRun(run: ExecutedRun, end: RunEnd): number {
  const { results, report } = run;
  end.write(
    end.output === 'json'
      ? `${JSON.stringify(results, null, 2)}\n`
      : `${textSummary(results, report)}\n`,
  );
  if (run.finished) {
    const failed = infraErrors(run);
    if (failed > 0) {
      end.say(
        `${failed} rollouts ended as infra_error: mend the cause and run the same command with --retry-infra-errors\n`,
      );
    }
    return isComplete(results) ? 0 : EXIT_INCOMPLETE;
  }
  const { decided, planned } = progressOf(run);
  const why = end.atDeadline ? "the run's activeDeadlineSeconds passed" : 'stopped';
  end.say(
    `${why}: ${decided} of ${planned} rollouts are decided; run the same command again to continue\n`,
  );
  return end.atDeadline ? EXIT_DEADLINE : EXIT_STOPPED;
}

function infraErrors({ results }: ExecutedRun): number {
  return results.arms.reduce((sum, arm) => sum + (arm.outcomes.infra_error ?? 0), 0);
}

function progressOf({ results }: ExecutedRun): { decided: number; planned: number } {
  const counts = results.arms.flatMap((arm) => Object.entries(arm.outcomes));
  const planned = counts.reduce((sum, [, count]) => sum + count, 0);
  const undecided = counts.filter(([outcome]) => outcome === 'undecided');
  return { planned, decided: undecided.reduce((sum, [, count]) => sum - count, planned) };
}

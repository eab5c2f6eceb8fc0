import type { ClawTask } from '../../api/claw-task.ts';
import { cutRowsWarning } from '../../api/cut-rows.ts';
import type { TrainingRun } from '../../api/training-run.ts';
import { ClawError, errorMessage } from '../../base/error.ts';
import { table } from '../../base/table.ts';
import { EXIT_DEADLINE } from '../finish-run.ts';
import { evaluationTable } from '../models/evaluation-table.ts';
import type { OutputFormat } from '../output-format.ts';
import { runDeadline } from '../run-deadline.ts';
import { executeOptions } from '../run-local.ts';
import { isStop, stopSignal } from '../stop-signal.ts';
import { executeTraining, type TrainedModel } from './execute-training.ts';

export interface RunTrainingOptions {
  /** The manifest, and the ClawTasks in it. */
  readonly file: string;
  readonly clawTasks: readonly ClawTask[];
  /** Output folder. */
  readonly out: string;
  readonly output: OutputFormat;
}

/**
 * Runs a TrainingRun on this machine and prints its model; the same command again goes on from the newest
 * checkpoint. Exit code 0: complete; 124: its deadline passed; 130: stopped.
 */
export async function runTraining(
  run: TrainingRun,
  { file, clawTasks, out, output }: RunTrainingOptions,
): Promise<void> {
  const { name } = run.metadata;
  if (run.spec.suspend) {
    throw new ClawError(
      'InvalidManifest',
      `TrainingRun ${name}: spec.suspend is true, so nothing may run; set it to false`,
    );
  }
  const say = (text: string): void => void process.stderr.write(text);
  using stop = stopSignal(say);
  using deadline = runDeadline(run.spec.activeDeadlineSeconds);
  const signal = AbortSignal.any([stop.signal, deadline.signal]);
  try {
    const model = await executeTraining(run, {
      ...executeOptions(out, signal, say),
      file,
      clawTasks,
    });
    const cut = cutRowsWarning(model.rows, run.spec.context.maxTokens);
    if (cut !== undefined) say(`warning: ${cut}\n`);
    process.stdout.write(
      output === 'json' ? `${JSON.stringify({ name, ...model }, null, 2)}\n` : textOf(name, model),
    );
  } catch (cause) {
    if (!isStop(cause, signal)) throw cause;
    if (signal.reason !== deadline.signal.reason) {
      throw new ClawError(
        'Cancelled',
        `TrainingRun ${name} was stopped; run the same command again to go on from its newest checkpoint`,
        { cause },
      );
    }
    say(`error: ${errorMessage(deadline.signal.reason)}\n`);
    process.exitCode = EXIT_DEADLINE;
  }
}

function textOf(name: string, { digest, manifest: { record } }: TrainedModel): string {
  const cells = [name, String(record.steps ?? '-'), String(record.tokens ?? '-'), digest];
  const made = table(['TRAININGRUN', 'STEPS', 'TOKENS', 'MODEL'], [cells]);
  return made + evaluationTable(record.evaluations);
}

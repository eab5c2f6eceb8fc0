import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrainingRun } from '../../api/training-run.ts';
import type { Clock } from '../../base/clock.ts';
import { ClawError } from '../../base/error.ts';
import { startProgram } from '../../engines/local/guarded-program.ts';
import { type AfterEnd, afterEnd, type Restarts } from '../../training/after-end.ts';
import { trainerEnd } from '../../training/exit-code.ts';
import { resolveRunSpec } from '../../training/resolve-run-spec.ts';
import { readResult, type TrainingDone } from '../../training/result.ts';
import type { RunSpec } from '../../training/run-spec.ts';
import type { TrainedEnd, TrainingFolders } from './trained-end.ts';
import type { TrainerPrograms } from './trainer-programs.ts';

export interface SupervisedOptions {
  readonly folders: TrainingFolders;
  readonly programs: TrainerPrograms;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
}

/** Between two starts, in milliseconds. */
const PAUSE_MS = 1000;
/** Beyond what the trainer allows itself for a last checkpoint. */
const GRACE_MS = 5000;

/**
 * Runs the trainer to its end, from the newest checkpoint where there is one. Throws `TrainingFailed`
 * where no further start would help, and the signal's reason once it has stopped the trainer.
 */
export async function trainSupervised(
  run: TrainingRun,
  options: SupervisedOptions,
): Promise<TrainedEnd> {
  const { folders, clock, signal, say } = options;
  const { name } = run.metadata;
  const spec = resolveRunSpec(run.spec, { run: name, name, device: 'auto' });
  await mkdir(folders.out, { recursive: true });
  await mkdir(folders.work, { recursive: true });
  await writeFile(join(folders.work, 'run-spec.json'), `${JSON.stringify(spec, null, 2)}\n`);
  await forgetFailure(folders.out);
  const { failures, disruptionLimit } = run.spec.retries;
  const most: Restarts = { failures, disruptions: disruptionLimit };
  let restarts: Restarts = { failures: 0, disruptions: 0 };
  for (;;) {
    const { next, lastWords } = await startOnce(spec, restarts, most, options);
    signal.throwIfAborted();
    if (next.do === 'publish') return { spec, result: await doneOf(folders) };
    if (next.do === 'fail') throw await failure(name, next, folders, lastWords);
    restarts = next.restarts;
    say(`the trainer ended (${next.why}); it goes on from its newest checkpoint\n`);
    await clock.sleep(PAUSE_MS, signal);
  }
}

async function startOnce(
  spec: RunSpec,
  so: Restarts,
  most: Restarts,
  { folders, programs, clock, signal }: SupervisedOptions,
): Promise<{ readonly next: AfterEnd; readonly lastWords: string }> {
  const program = startProgram({
    argv: programs.sft,
    cwd: folders.work,
    env: {
      ...programs.env,
      RUN_SPEC: join(folders.work, 'run-spec.json'),
      RUN_IN: folders.in,
      RUN_OUT: folders.out,
    },
    logFile: join(folders.work, 'trainer.log'),
    pidFile: join(folders.work, 'trainer.pid'),
  });
  const graceMs = spec.checkpoint.graceSeconds * 1000 + GRACE_MS;
  const stop = (): void => void program.stop(graceMs, clock);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    const { exitCode } = await program.ended;
    const lastWords = program.lastWords();
    return { next: afterEnd(trainerEnd(exitCode), so, most), lastWords };
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** A failure of an earlier command is tried again: its cause may have been mended. */
async function forgetFailure(out: string): Promise<void> {
  const path = join(out, 'result.json');
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text !== undefined && readResult(text, path).status === 'failed') await rm(path);
}

async function doneOf({ out }: TrainingFolders): Promise<TrainingDone> {
  const path = join(out, 'result.json');
  const text = await readFile(path, 'utf8').catch(() => '');
  const result = readResult(text, path);
  if (result.status === 'done') return result;
  throw new ClawError('TrainingFailed', `${path} says ${result.status} after an exit code of 0`);
}

async function failure(
  name: string,
  { reason, why }: Extract<AfterEnd, { readonly do: 'fail' }>,
  { out, work }: TrainingFolders,
  lastWords: string,
): Promise<ClawError> {
  const path = join(out, 'result.json');
  const text = await readFile(path, 'utf8').catch(() => undefined);
  const result = text === undefined ? undefined : readResult(text, path);
  const said = result?.status === 'failed' ? result.message : lastWords.slice(-600);
  return new ClawError(
    'TrainingFailed',
    `TrainingRun ${name}: ${reason}: ${why}. The trainer said: ${said || 'nothing'}. Its log is ${join(work, 'trainer.log')}`,
    { details: { reason } },
  );
}

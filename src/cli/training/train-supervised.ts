import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrainingRun } from '../../api/training-run.ts';
import type { Clock } from '../../base/clock.ts';
import { TrainerProcess } from '../../engines/local/trainer-process.ts';
import { afterEnd, type Restarts } from '../../training/after-end.ts';
import { type TrainerEnd, trainerEnd } from '../../training/exit-code.ts';
import { resolveRunSpec } from '../../training/resolve-run-spec.ts';
import { doneIn, forgetFailure } from '../../training/result.ts';
import type { TrainedEnd, TrainingFolders } from './trained-end.ts';
import type { TrainerPrograms } from './trainer-programs.ts';
import { trainingFailure } from './training-failure.ts';

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
  const { folders, programs, clock, signal, say } = options;
  const { name } = run.metadata;
  const spec = resolveRunSpec(run.spec, { run: name, name, device: 'auto' });
  await mkdir(folders.out, { recursive: true });
  await mkdir(folders.work, { recursive: true });
  const specFile = join(folders.work, 'run-spec.json');
  await writeFile(specFile, `${JSON.stringify(spec, null, 2)}\n`);
  await forgetFailure(folders.out);
  const { failures, disruptionLimit } = run.spec.retries;
  const most: Restarts = { failures, disruptions: disruptionLimit };
  let restarts: Restarts = { failures: 0, disruptions: 0 };
  await using trainer = new TrainerProcess({
    command: programs.sft,
    env: { ...programs.env, RUN_SPEC: specFile, RUN_IN: folders.in, RUN_OUT: folders.out },
    folder: folders.work,
    graceMs: spec.checkpoint.graceSeconds * 1000 + GRACE_MS,
    clock,
  });
  for (;;) {
    const next = afterEnd(await runOnce(trainer, signal), restarts, most);
    signal.throwIfAborted();
    if (next.do === 'publish') return { spec, result: await doneIn(folders.out) };
    if (next.do === 'fail') throw await trainingFailure(name, next, folders);
    restarts = next.restarts;
    say(`the trainer ended (${next.why}); it goes on from its newest checkpoint\n`);
    await clock.sleep(PAUSE_MS, signal);
  }
}

async function runOnce(trainer: TrainerProcess, signal: AbortSignal): Promise<TrainerEnd> {
  const stop = (): void => void trainer.stop();
  trainer.start();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    return trainerEnd(await trainer.ended());
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

import { join } from 'node:path';
import { ClawError, errorMessage } from '../../base/error.ts';
import { readResultIn } from '../../training/result.ts';
import { tailOf } from '../../training/tail-of.ts';
import type { TrainingFolders } from './trained-end.ts';

/** Why a run cannot go on, with what its trainer said of it and where its log is. */
export async function trainingFailure(
  name: string,
  cause: { readonly reason: string; readonly why: string },
  { out, work }: TrainingFolders,
): Promise<ClawError> {
  const result = await readResultIn(out).catch((thrown: unknown) => ({
    ...{ status: 'failed', message: errorMessage(thrown) },
  }));
  const log = join(work, 'trainer.log');
  const said =
    result?.status === 'failed' ? result.message : (await tailOf(log)).trim().slice(-600);
  return new ClawError(
    'TrainingFailed',
    `TrainingRun ${name}: ${cause.reason}: ${cause.why}. The trainer said: ${said || 'nothing'}. Its log is ${log}`,
    { details: { reason: cause.reason } },
  );
}

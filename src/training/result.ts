import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { zRelativePath } from '../api/fields.ts';
import { parseJson } from '../base/brand.ts';
import { ClawError, errorMessage } from '../base/error.ts';

const zCount = z.int().min(0);

/** What became of the rows of the data; `cut` are among those kept. */
export const zResultRows = z.object({
  in: zCount,
  kept: zCount,
  dropped: z.record(z.string(), zCount),
  cut: zCount,
});
export type ResultRows = z.infer<typeof zResultRows>;

/** `result.json` of a run that is done (docs/reference/sft.md). What else it says is the trainer's own. */
const zDone = z.object({
  status: z.literal('done'),
  steps: zCount,
  tokens: zCount.optional(),
  rows: zResultRows.optional(),
  loss: z.object({ first: z.number().optional(), last: z.number().optional() }).optional(),
  /** Folder of the trained model, below RUN_OUT. */
  model: z.object({ path: zRelativePath }),
  versions: z.record(z.string(), z.string()).default({}),
  /** The greedy answer to a fixed prompt, by which a server of this model is proven later. */
  canary: z.object({ prompt: z.string(), ids: z.array(zCount) }).optional(),
});
/** `result.json` of a run that no further try would mend. */
const zFailed = z.object({ status: z.literal('failed'), message: z.string() });

const zResult = z.discriminatedUnion('status', [zDone, zFailed]);
export type TrainingResult = z.infer<typeof zResult>;
export type TrainingDone = z.infer<typeof zDone>;

/** Reads a `result.json`. Throws `TrainingFailed` where it is none. */
export function readResult(text: string, place: string): TrainingResult {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (cause) {
    throw new ClawError('TrainingFailed', `${place} is not JSON: ${errorMessage(cause)}`, {
      cause,
    });
  }
  const parsed = zResult.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ClawError(
    'TrainingFailed',
    `${place} does not keep to the contract: ${z.prettifyError(parsed.error)}`,
  );
}

const fileIn = (out: string): string => join(out, 'result.json');

/** What the trainer left in RUN_OUT; undefined where it has not ended by itself. */
export async function readResultIn(out: string): Promise<TrainingResult | undefined> {
  const text = await readFile(fileIn(out), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : readResult(text, fileIn(out));
}

/** The same of a run that is done. Throws `TrainingFailed` where it does not say so. */
export async function doneIn(out: string): Promise<TrainingDone> {
  const result = await readResultIn(out);
  if (result?.status === 'done') return result;
  const said = result === undefined ? 'is missing' : `says failed: ${result.message}`;
  throw new ClawError('TrainingFailed', `${fileIn(out)} ${said}, after an exit code of 0`);
}

/** A failure of an earlier start is tried again, its cause may have been mended; so is what cannot be read. */
export async function forgetFailure(out: string): Promise<void> {
  const result = await readResultIn(out).catch(() => undefined);
  if (result?.status !== 'done') await rm(fileIn(out), { force: true });
}

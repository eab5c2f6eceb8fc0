import { z } from 'zod';
import { parseJson } from '../../base/brand.ts';
import { canonicalJson } from '../../base/canonical-json.ts';
import { zSha256 } from '../../protocol/fields.ts';

const zCount = z.int().min(0);

/** What a step was frozen to, kept with its batch before the trainer can ask for it. */
export const zFrozenStep = z.object({
  step: z.int().min(1),
  /** Absent: no group taught anything, and the trainer never sees the step. */
  number: z.int().min(1).optional(),
  /** Version that sampled every trained token. */
  policyVersion: zCount,
  /** Artifacts of the index and of the safetensors file; absent with `number`. */
  index: zSha256.optional(),
  tokens: z.object({ sha256: zSha256, bytes: zCount }).optional(),
  groups: z.object({ taken: zCount, noVariance: zCount, tooFew: zCount }),
  /** Rollouts of the step, those with a reward, and those of them whose tokens cannot be trained on. */
  rollouts: z.object({ all: zCount, rewarded: zCount, withoutTokens: zCount, trained: zCount }),
  /** Answers that were cut at their length limit and are not trained; notes of before have none. */
  cutAnswers: zCount.default(0),
  /** Mean reward of the rollouts that have one; null without any. */
  reward: z.number().nullable(),
  trainedTokens: zCount,
});
export type FrozenStep = z.infer<typeof zFrozenStep>;

/** What the trainer says of a batch that it has trained. */
export const zTrained = z.strictObject({
  /** The version that it made of it. */
  policyVersion: z.int().min(1),
  /** Where the trainer has the version; told for people, never followed. */
  path: z.string().max(4096),
  /** SHA-256 of the version's READY file, which names the digests of its files. */
  manifestSha256: zSha256,
  metrics: z.record(z.string().max(64), z.json()),
});
export type Trained = z.infer<typeof zTrained>;

export interface StepNotes {
  readonly frozen: FrozenStep | undefined;
  readonly trained: Trained | undefined;
}

export function readStepNotes(
  notes: Readonly<Partial<Record<'rlStep' | 'rlTrained', string>>>,
): StepNotes {
  return {
    frozen: notes.rlStep === undefined ? undefined : zFrozenStep.parse(parseJson(notes.rlStep)),
    trained: notes.rlTrained === undefined ? undefined : zTrained.parse(parseJson(notes.rlTrained)),
  };
}

export const noteText = (note: FrozenStep | Trained): string => canonicalJson(note);

import { z } from 'zod';
import type { TrainingSpec } from '../api/training-spec.ts';
import { parseJson, type Sha256 } from '../base/brand.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import { sha256 } from '../base/digest.ts';
import { zSha256 } from '../protocol/fields.ts';
import type { FrozenInputs } from './training-inputs.ts';

const zFrozen = z.object({ base: zSha256, data: zSha256.optional() });

/** What of a spec decides the model: where and how often the trainer runs does not. */
function decidingPart({ base, data, rl, method, context, hyper, ...rest }: TrainingSpec): object {
  const { seed, deterministic } = rest;
  return { base, data, rl, method, context, hyper, seed, deterministic };
}

/** Tells whether a run may go on from what is there. */
export const trainingDigest = (spec: TrainingSpec): Sha256 =>
  sha256(canonicalJson(decidingPart(spec)));

/** What a run's row keeps: the spec and the digests that its names were resolved to. */
export const frozenText = (spec: TrainingSpec, { base, data }: FrozenInputs): string =>
  canonicalJson({ ...decidingPart(spec), frozen: { base, data } });

export function frozenInputs(text: string): FrozenInputs {
  const { base, data } = z.object({ frozen: zFrozen }).parse(parseJson(text)).frozen;
  return { base, data };
}

import { canonicalJson } from '../../../src/base/canonical-json.ts';
import { sha256 } from '../../../src/base/digest.ts';
import type { SynthesisSteering } from '../../../src/protocol/synthesis-server.ts';
import type { SynthesisJob } from '../shared/kinds.ts';

/** Records that may be begun where the spec does not say; the server says the same. */
const RECORDS_A_TASK = 10;

/** What of the spec may change while a job runs. */
export function steeringOf({
  spec: { parallelism, budgets, target },
}: Pick<SynthesisJob, 'spec'>): SynthesisSteering {
  return {
    ...(parallelism === undefined ? {} : { parallelism }),
    ...(budgets.tokens === undefined ? {} : { tokens: budgets.tokens }),
    records: budgets.records ?? target * RECORDS_A_TASK,
  };
}

export const sameSteering = (one: SynthesisSteering, other: SynthesisSteering): boolean =>
  canonicalJson(one) === canonicalJson(other);

/** In short, for an annotation. */
export const steeringMark = (steering: SynthesisSteering): string =>
  sha256(canonicalJson(steering)).slice(0, 16);

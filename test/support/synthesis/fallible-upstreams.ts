import type { SynthesisDeskOptions } from '../../../src/server/synthesis/synthesis-desk.ts';
import { FallibleUpstream } from './job-bed.ts';

/** Endpoints by their Secrets, without Secrets: one generator behind every name. */
export function fallibleUpstreams(
  upstream: FallibleUpstream = new FallibleUpstream(),
): SynthesisDeskOptions['upstreams'] {
  return { check: async () => undefined, of: () => upstream };
}

import { z } from 'zod';

/** Why a model behind an upstream Secret keeps a run from starting. */
export const zModelHold = z.object({
  reason: z.enum(['AskingModel', 'UpstreamUnfit', 'UpstreamRefused']),
  /** Names the Secret and, where somebody has to do something, what; never a field of the Secret. */
  message: z.string(),
});
export type ModelHold = z.infer<typeof zModelHold>;

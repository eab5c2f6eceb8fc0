import { z } from 'zod';
import { zKubeObject } from '../../../operator/kube/objects/kube-object.ts';

/** A pod as far as identity reads it; the rest of the object is kept for its evidence. */
export const zSandboxPod = zKubeObject.extend({
  status: z.looseObject({ phase: z.string().optional() }).optional(),
});
export type SandboxPod = z.infer<typeof zSandboxPod>;

/** The one read of the API server that identity needs. */
export interface PodReader {
  /**
   * The pod as it is now, not as a cache remembers it; undefined where there is none. Throws
   * `ClusterUnavailable` (retryable).
   */
  get(namespace: string, name: string): Promise<SandboxPod | undefined>;
}

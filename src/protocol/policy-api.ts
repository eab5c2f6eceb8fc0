import { z } from 'zod';
import { zSha256 } from './fields.ts';

/**
 * What a policy pod says to the server's sandbox listener and hears from it (design:
 * docs/design/cluster.md 11). All calls are made with the pod's own token, audience
 * `AUDIENCES.policy`; all may be repeated.
 */
export const POLICY_ROUTES = {
  /** GET: 200 with `zPolicyFiles` of the version that is to be served, 409 with `zNoClaim`, 401, 403. */
  files: '/policies/v1/files',
  /** GET: the bytes of a file that `files` names. */
  file: '/policies/v1/files/:digest',
  /** POST `zPolicyReport`: 200 with `zPolicyWanted`, 409 with `zNoClaim`. */
  report: '/policies/v1/report',
} as const;

/** Seconds between two reports of a pod: so long a server that was started anew does not know its key. */
export const REPORT_SECONDS = 2;

export const zPolicyFiles = z.object({
  version: z.int().min(0),
  /** Path of the chat template among the files. */
  template: z.string().min(1),
  files: z
    .array(z.object({ path: z.string().min(1), digest: zSha256, bytes: z.int().min(0) }))
    .min(1),
});
export type PolicyFiles = z.infer<typeof zPolicyFiles>;

export const zPolicyReport = z.object({
  /** The bearer that the pod's policy server wants: made in the pod, and known to the server alone. */
  key: z.string().regex(/^[\w-]{32,256}$/, 'expected 32 to 256 letters, digits, _ and -'),
  /** Version that the policy server answers with; null: it does not answer yet. */
  version: z.int().min(0).nullable(),
  /** Why a version could not be loaded. */
  problem: z.string().max(2000).optional(),
});
export type PolicyReport = z.infer<typeof zPolicyReport>;

export const zPolicyWanted = z.object({ version: z.int().min(0) });
export type PolicyWanted = z.infer<typeof zPolicyWanted>;

/**
 * PUT policies/:podUid of the operator API: this pod may serve this model. Kept in memory: told again
 * with every look at the pod.
 */
export const zPolicyPodBody = z.object({
  namespace: z.string().min(1),
  /** Object that owns the pod, and whose runs it answers. */
  owner: z.string().min(1).max(63),
  /** Name that agents ask for. */
  name: z.string().min(1).max(256),
  /** Model artifact, and the number of its version; 0 where there is one only. */
  model: zSha256,
  version: z.int().min(0).default(0),
  /** Uids of RolloutBatches that it answers beside its owner: those of a reinforcement run that owns it. */
  batches: z.array(z.string().min(1).max(63)).max(16).default([]),
});
export type PolicyPodBody = z.infer<typeof zPolicyPodBody>;

/** PUT policies/batches/:uid of the operator API: how far the pod is that is to answer this batch. */
export const zPolicyOfBatchBody = z.object({
  /** Name that its agents ask for. */
  name: z.string().min(1).max(256),
  /** Model artifact that the batch was planned with: no other one ever answers it. */
  model: zSha256,
});
export type PolicyOfBatchBody = z.infer<typeof zPolicyOfBatchBody>;

/** How far a policy pod is, as the server sees it. */
export const zPolicyPodState = z.object({
  phase: z.enum([
    /** It has not been heard of. */
    'unheard',
    /** It fetches, or its policy server reads the weights. */
    'loading',
    /** Its answers are compared with the model's record. */
    'proving',
    /** It answers the runs of its owner. */
    'served',
    /** It answers, and not as the model's record says; or it cannot load the model. */
    'refused',
  ]),
  message: z.string(),
  /** That it answers with. */
  version: z.int().min(0).optional(),
});
export type PolicyPodState = z.infer<typeof zPolicyPodState>;

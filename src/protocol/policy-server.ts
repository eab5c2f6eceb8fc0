import type { ServerCall } from './claw-gym-server.ts';
import type { PolicyOfBatchBody, PolicyPodBody, PolicyPodState } from './policy-api.ts';

/** What the controllers ask of the server for pods that serve models of ours. */
export interface PolicyServing {
  /**
   * This pod may serve this model, in place of any other pod of the same owner and name; how far it is.
   * What is expected does not outlive the server's process: told again with every look.
   */
  policyPod(podUid: string, body: PolicyPodBody, call: ServerCall): Promise<PolicyPodState>;
  /** How far the pod of another owner is that answers this batch; `unheard` where none was told of. */
  policyOf(batch: string, body: PolicyOfBatchBody, call: ServerCall): Promise<PolicyPodState>;
  /** No pod answers for this owner any more. */
  endPolicies(owner: string, call: ServerCall): Promise<void>;
}

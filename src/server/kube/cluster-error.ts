import { KubeError } from '../../../operator/kube/base/kube-error.ts';
import { ClawError, errorMessage } from '../../base/error.ts';

/** A failed call to the API server as the product's error: what can pass is retryable. */
export function clusterError(what: string, thrown: unknown): ClawError {
  const denied = thrown instanceof KubeError && thrown.code === 'Forbidden';
  const hint = denied ? '; the role of the server lacks this right' : '';
  return new ClawError('ClusterUnavailable', `${what}: ${errorMessage(thrown)}${hint}`, {
    cause: thrown,
    retryable: true,
  });
}

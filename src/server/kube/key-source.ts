import type { Transport } from '../../../operator/kube/client/transport.ts';
import type { KeySource } from '../identity/cluster-keys.ts';

const TIMEOUT_MS = 10_000;
const JSON_TYPE = 'application/json';
/** The only one that the API server gives keys as. */
const KEYS_TYPE = 'application/jwk-set+json';

/**
 * The discovery documents of the API server: every service account may read them (ClusterRole
 * `system:service-account-issuer-discovery`), so no right of ours is needed.
 */
export function keySource(transport: Transport): KeySource {
  const get = (path: string, resource: string, accept: string, signal: AbortSignal) =>
    transport.request({
      method: 'GET',
      verb: 'get',
      path,
      resource,
      accept,
      signal,
      timeoutMs: TIMEOUT_MS,
    });
  return {
    configuration: (signal) =>
      get('/.well-known/openid-configuration', 'openid', JSON_TYPE, signal),
    keys: (signal) => get('/openid/v1/jwks', 'jwks', KEYS_TYPE, signal),
  };
}

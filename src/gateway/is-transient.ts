import { ClawError } from '../base/error.ts';

/** Codes of lost connections: Node's socket and name look-up errors, undici's and its HTTP parser's. */
const TRANSPORT =
  /^(?:UND_ERR_|HPE_|E(?:CONN(?:RESET|REFUSED|ABORTED)|PIPE|TIMEDOUT|HOSTUNREACH|NETUNREACH|NOTFOUND|AI_AGAIN)$)/;

/**
 * True where another try may go better: the endpoint failed or the way to it did. Anything else that
 * is thrown is a fault of ours, and asking again would only pass it off as the endpoint's.
 */
export function isTransient(thrown: unknown): boolean {
  if (thrown instanceof ClawError) return thrown.code === 'UpstreamFailed';
  if (!(thrown instanceof Error) || !('code' in thrown)) return false;
  return typeof thrown.code === 'string' && TRANSPORT.test(thrown.code);
}

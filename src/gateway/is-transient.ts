import { ClawError } from '../base/error.ts';

/** Codes of lost connections: Node's socket and name look-up errors, undici's and its HTTP parser's. */
const TRANSPORT =
  /^(?:UND_ERR_|HPE_|E(?:CONN(?:RESET|REFUSED|ABORTED)|PIPE|TIMEDOUT|HOSTUNREACH|NETUNREACH|NOTFOUND|AI_AGAIN)$)/;

/**
 * True where another try may go better: the endpoint failed or the way to it did. Anything else that
 * is thrown is a fault of ours, and asking again would only pass it off as the endpoint's.
 */
export function isTransient(thrown: unknown): boolean {
  if (thrown instanceof ClawError) return thrown.code === 'UpstreamFailed' && !isLasting(thrown);
  if (!(thrown instanceof Error) || !('code' in thrown)) return false;
  return typeof thrown.code === 'string' && TRANSPORT.test(thrown.code);
}

/**
 * An endpoint that answers a stream with one JSON body, or the other way round. It is whole, but no
 * client reads it, and the endpoint will do so again.
 *
 * @param streamed true where a stream came
 */
export function otherForm(streamed: boolean): ClawError {
  const text = streamed
    ? 'the endpoint answered with a stream where one JSON body was asked for'
    : 'the endpoint answered with one JSON body where a stream was asked for: it must stream for this agent';
  return new ClawError('UpstreamFailed', text, { details: LASTING });
}

const LASTING = { lasting: true };

/** True for a failure of the endpoint that asking again cannot change. */
export function isLasting(thrown: unknown): boolean {
  return thrown instanceof ClawError && thrown.details['lasting'] === true;
}

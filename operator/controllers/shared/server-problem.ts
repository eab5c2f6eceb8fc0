import type { ClawError } from '../../../src/base/error.ts';

/** Why nothing can be asked of the server: it is away, or of a release that this operator does not understand. */
export interface ServerProblem {
  /** `ServerIncompatible` waits for somebody; the other is over by itself. */
  readonly reason: 'ServerUnavailable' | 'ServerIncompatible';
  readonly message: string;
}

export function serverProblem({
  code,
  message,
}: Pick<ClawError, 'code' | 'message'>): ServerProblem {
  const reason = code === 'ProtocolMismatch' ? 'ServerIncompatible' : 'ServerUnavailable';
  return { reason, message };
}

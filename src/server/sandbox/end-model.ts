import type { Gateway } from '../../gateway/chat-completions.ts';
import type { StoredSessions } from '../../gateway/stored-sessions.ts';
import type { EndModel } from './sandbox-plugin.ts';

/**
 * Ends what an attempt has of the model: its bearers first, then its calls. Resolves when its calls
 * are recorded. For the end that a companion reports, and for an attempt that is closed without one.
 */
export function endModelOf(sessions: StoredSessions, gateway: Gateway): EndModel {
  return async (attempt, cutSeconds) => {
    await sessions.end(attempt, cutSeconds);
    await gateway.endAttempt(attempt);
  };
}

import { messageText, type ReadCall } from './read-calls.ts';

/** The calls of one conversation, in order of arrival. */
export type SessionCalls = readonly ReadCall[];

/**
 * Splits an attempt's calls into conversations. A call belongs to the latest conversation with the
 * same first user message; a request without an assistant message starts a new one where that
 * conversation had gone on already (the same prompt again in a fresh session), and is a retry of the
 * first request where it had not.
 */
export function splitSessions(calls: readonly ReadCall[]): readonly SessionCalls[] {
  const sessions: { readonly first: string; readonly calls: ReadCall[] }[] = [];
  for (const call of calls) {
    if (call.messages.length === 0) continue;
    const first = firstUserText(call);
    const known = sessions.findLast((session) => session.first === first);
    const restarted =
      known !== undefined &&
      turnsBefore(call) === 0 &&
      known.calls.some((old) => turnsBefore(old) > 0);
    if (known === undefined || restarted) sessions.push({ first, calls: [call] });
    else known.calls.push(call);
  }
  return sessions.map((session) => session.calls);
}

/** Assistant messages in the request: the index of the turn that it asked for. */
export function turnsBefore(call: ReadCall): number {
  return call.messages.filter((message) => message.role === 'assistant').length;
}

function firstUserText(call: ReadCall): string {
  return messageText(call.messages.find((message) => message.role === 'user')?.content);
}

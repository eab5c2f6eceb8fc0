import { errorMessage } from '../base/error.ts';
import type { CallFinish, CallRow } from '../store/records.ts';
import type { AnswerSpool } from './answer-spool.ts';
import type { ChatRequest } from './chat-request.ts';
import { errorBody, openAiError } from './openai-error.ts';
import { type Completion, renderFrames, renderJson } from './render-completion.ts';
import { type BudgetEnd, budgetText, type GatewaySession } from './session.ts';
import type { UpstreamResponse } from './upstream.ts';

/** How a call ended; the bytes are in the spool. */
export interface CallEnd extends Omit<CallFinish, 'response' | 'endedAt' | 'tokens'> {
  /** What the endpoint told of its tokens (see `UpstreamResponse`). */
  readonly tokens?: Uint8Array | undefined;
}

const NO_USAGE = { inputTokens: undefined, outputTokens: undefined } as const;
const MAX_REFUSAL_BYTES = 64 * 1024;
/** Refusals about who asks and who pays. */
const ACCOUNT: ReadonlySet<number> = new Set([401, 402, 429]);

/**
 * Ends the episode with a final text and no tool call: a harness then ends by itself with exit 0,
 * where an error would start its retries.
 */
export async function budgetEnd(
  over: BudgetEnd,
  call: { readonly row: CallRow; readonly request: ChatRequest },
  spool: AnswerSpool,
  now: number,
): Promise<CallEnd> {
  const completion: Completion = {
    id: `budget${call.row.sequence}`,
    model: call.request.model,
    created: Math.floor(now / 1000),
    content: budgetText(over),
    usage: { inputTokens: 0, outputTokens: 0 },
  };
  const stream = call.request.stream === true;
  const parts = stream ? renderFrames(completion) : [renderJson(completion)];
  for (const part of parts) await spool.append(part);
  const contentType = stream ? 'text/event-stream' : 'application/json';
  return { status: 200, contentType, result: 'budget', ...NO_USAGE };
}

/**
 * The upstream gave no answer before the call's deadline. The agent gets a 400: harnesses retry a
 * 429 or 5xx, some with a changed prompt, and the attempt is lost in any case.
 */
export async function giveUpEnd(thrown: unknown, spool: AnswerSpool): Promise<CallEnd> {
  spool.reset();
  const message = `The model endpoint gave no usable answer: ${errorMessage(thrown)}`;
  await spool.append(errorBody(openAiError(400, 'upstream_failed', message)));
  return { status: 400, contentType: 'application/json', result: 'error', ...NO_USAGE };
}

/**
 * A refusal that no retry can change goes to the agent once, and counts as the agent's: it shaped the
 * request. One about key, address or model may quote the key, so the agent gets our own words; it is
 * the operator's mistake where the endpoint has accepted no call of the run yet. An agent shapes
 * neither the key, the account nor the address, so 3xx, 401 (a key that was revoked), 402 and a 429 that
 * reaches us (see upstream.ts: the account's credit is used up) stay the operator's.
 */
export async function passOnRefusal(
  response: UpstreamResponse,
  session: GatewaySession,
  spool: AnswerSpool,
): Promise<CallEnd> {
  const { status } = response;
  const account = status < 400 || ACCOUNT.has(status);
  const ours = account || status === 403 || status === 404;
  for await (const chunk of response.body) {
    if (ours || spool.size + chunk.byteLength > MAX_REFUSAL_BYTES) break;
    await spool.append(chunk);
  }
  const contentType = response.headers['content-type'] ?? 'application/json';
  if (!ours) return { status, contentType, result: 'error', ...NO_USAGE };
  const refused = `The model endpoint refused the call with status ${status}`;
  const operators = account || session.upstream.answered !== true;
  const message = operators
    ? `${refused}: check its base URL, key, credit and model name.`
    : `${refused}.`;
  if (operators) session.failUpstream(message);
  await spool.append(errorBody(openAiError(400, 'upstream_refused', message)));
  return { status: 400, contentType: 'application/json', result: 'error', ...NO_USAGE };
}

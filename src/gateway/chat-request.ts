import { z } from 'zod';
import { isRecord, parseJson } from '../base/brand.ts';
import { ClawError, errorMessage } from '../base/error.ts';

/** What the gateway must know of a chat completions request; everything else passes unread. */
const zChatRequest = z.looseObject({
  model: z.string().min(1),
  messages: z.array(z.looseObject({ role: z.string() })).min(1),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
});
export type ChatRequest = z.infer<typeof zChatRequest>;

/** Deeper values parse here and break other readers: ours when it writes them, the endpoint's too. */
const MAX_NESTING = 128;

/** Parses a request body. Throws `InvalidInput` with a sentence that may be shown to the agent. */
export function parseChatRequest(body: Uint8Array): ChatRequest {
  let value: unknown;
  try {
    value = parseJson(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (thrown) {
    throw new ClawError(
      'InvalidInput',
      `request body: not JSON in UTF-8 (${errorMessage(thrown)})`,
      {
        cause: thrown,
      },
    );
  }
  if (nestsDeeperThan(value, MAX_NESTING)) {
    throw new ClawError(
      'InvalidInput',
      `request body: nested deeper than ${MAX_NESTING} levels; send a flatter one`,
    );
  }
  const other = otherSpelling(value);
  if (other !== undefined) {
    throw new ClawError(
      'InvalidInput',
      `request body: ${JSON.stringify(other)} is another spelling of ${JSON.stringify(folded(other))}; send it in small letters`,
    );
  }
  const parsed = zChatRequest.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const place = issue === undefined ? '' : issue.path.map(String).join('.');
  throw new ClawError(
    'InvalidInput',
    `request body: ${place === '' ? '' : `${place}: `}${issue?.message ?? 'not a chat request'}`,
  );
}

/** Members that decide what an endpoint does and how it answers, or that a run may fix. */
const DECISIVE: ReadonlySet<string> = new Set([
  ...['model', 'messages', 'stream', 'stream_options'],
  ...['temperature', 'top_p', 'max_tokens', 'max_completion_tokens', 'seed'],
]);

/**
 * A member that some endpoints take for a decisive one: programs in Go compare names without regard to
 * case. It would let an agent ask for a model that is not its own, or spoil its own answer on purpose.
 */
function otherSpelling(value: unknown): string | undefined {
  const names = isRecord(value) ? Object.keys(value) : [];
  return names.find((name) => !DECISIVE.has(name) && DECISIVE.has(folded(name)));
}

/** Upper case first: the long s and the Kelvin sign are an S and a K to those who fold. */
function folded(name: string): string {
  return name.toUpperCase().toLowerCase();
}

/** Level by level: a recursion would fail on the very values that are looked for. */
function nestsDeeperThan(value: unknown, limit: number): boolean {
  let level: readonly unknown[] = [value];
  for (let depth = 0; depth < limit; depth += 1) {
    level = level.flatMap(children);
    if (level.length === 0) return false;
  }
  return true;
}

function children(value: unknown): readonly unknown[] {
  const inner = isRecord(value) ? Object.values(value) : Array.isArray(value) ? value : [];
  return inner.filter((item) => typeof item === 'object' && item !== null);
}

/** What is sent to the upstream for the agent's body: with one model, its usage and the run's sampling. */
export function upstreamBody(
  body: Uint8Array,
  request: ChatRequest,
  sampling: FixedSampling | undefined,
): Uint8Array {
  return withSampling(withUsageReport(withSingleMembers(body, request), request), sampling);
}

/**
 * The bytes for the upstream: the agent's own, except that a streamed answer must report its usage,
 * for budgets count tokens. The option is put before the first member, which leaves all other bytes
 * alone; only a request that brings other `stream_options` is written anew.
 */
export function withUsageReport(body: Uint8Array, request: ChatRequest): Uint8Array {
  if (request.stream !== true || request.stream_options?.include_usage === true) return body;
  if ('stream_options' in request) {
    const options = { ...request.stream_options, include_usage: true };
    return new TextEncoder().encode(JSON.stringify({ ...request, stream_options: options }));
  }
  const brace = body.indexOf(0x7b);
  return Buffer.concat([
    body.subarray(0, brace + 1),
    new TextEncoder().encode('"stream_options":{"include_usage":true},'),
    body.subarray(brace + 1),
  ]);
}

const SINGLE = ['"model"', '"messages"', '"stream"', '"stream_options"'];
/** Start every escape of small letters: another spelling of a key would need one. */
const ESCAPED_LETTERS = ['\\u006', '\\u007'];

/**
 * The body with each decisive member once at most. JSON with a key twice means one thing here and may mean
 * the other at the endpoint, which would let an agent ask for a model that is not its own, or for a stream
 * where none is expected; such a body is written anew from what was checked. Bytes that have each key once
 * stay as they are.
 */
export function withSingleMembers(body: Uint8Array, request: ChatRequest): Uint8Array {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const once = SINGLE.every((key) => bytes.indexOf(key) === bytes.lastIndexOf(key));
  const plain = bytes.includes('"model"') && !ESCAPED_LETTERS.some((text) => bytes.includes(text));
  return once && plain ? body : new TextEncoder().encode(JSON.stringify(request));
}

/** Sampling that a run fixes for all its agents; absent members are the agent's own. */
export interface FixedSampling {
  readonly temperature?: number;
  readonly top_p?: number;
  readonly max_tokens?: number;
  readonly seed?: number;
}

/**
 * The body with the run's sampling in place of the agent's; unchanged bytes where the run fixes none.
 * A fixed `max_tokens` also replaces its newer name `max_completion_tokens`.
 */
export function withSampling(body: Uint8Array, sampling: FixedSampling | undefined): Uint8Array {
  if (sampling === undefined || Object.keys(sampling).length === 0) return body;
  const value = parseJson(new TextDecoder().decode(body));
  if (!isRecord(value)) return body;
  const { max_completion_tokens: newer, ...rest } = value;
  const keepNewer = sampling.max_tokens === undefined && newer !== undefined;
  const merged = { ...rest, ...(keepNewer && { max_completion_tokens: newer }), ...sampling };
  return new TextEncoder().encode(JSON.stringify(merged));
}

/** The body with another model name; unchanged bytes where the name is right already. */
export function withModelName(body: Uint8Array, model: string): Uint8Array {
  const value = parseJson(new TextDecoder().decode(body));
  if (!isRecord(value) || value['model'] === model) return body;
  return new TextEncoder().encode(JSON.stringify({ ...value, model }));
}

import { z } from 'zod';
import type { AttemptId, Sha256 } from '../base/brand.ts';
import { isRecord, parseJson } from '../base/brand.ts';
import { ClawError, errorMessage } from '../base/error.ts';
import type { ArtifactStore } from '../store/artifacts.ts';
import type { CallRow, RecordStore } from '../store/records.ts';
import { type AssistantMessage, assembleAnswer } from './assistant-message.ts';

/** One model call, read back. A part that is absent or unreadable is undefined and named in `problems`. */
export interface ReadCall {
  readonly row: CallRow;
  readonly messages: readonly RequestMessage[];
  readonly tools: readonly unknown[];
  readonly answer: AssistantMessage | undefined;
  readonly problems: readonly string[];
}

const zText = z.string().catch('');
const zToolCall = z.looseObject({
  id: zText.default(''),
  function: z.looseObject({ name: zText.default(''), arguments: zText.default('') }),
});
/** A message of a request as an agent wrote it: odd fields become empty, never an error. */
const zMessage = z.looseObject({
  role: z.string(),
  content: z.unknown().optional(),
  reasoning_content: z.string().optional().catch(undefined),
  tool_calls: z.array(zToolCall).optional().catch(undefined),
  tool_call_id: z.string().optional().catch(undefined),
});
export type RequestMessage = z.infer<typeof zMessage>;

export interface ReadCallsOptions {
  /**
   * Most bytes of requests and answers together; more throws `TooLarge`. They are all held at once, and
   * an agent decides how much it sends.
   */
  readonly maxBytes?: number;
  /** Calls without a complete answer are listed and not read. */
  readonly completeOnly?: boolean;
}

/** The calls of an attempt in order of arrival, with requests and answers parsed. */
export async function readCalls(
  attempt: AttemptId,
  records: Pick<RecordStore, 'listCalls'>,
  artifacts: Pick<ArtifactStore, 'read'>,
  { maxBytes = Number.POSITIVE_INFINITY, completeOnly = false }: ReadCallsOptions = {},
): Promise<readonly ReadCall[]> {
  const rows = await records.listCalls(attempt);
  const calls: ReadCall[] = [];
  let left = maxBytes;
  const bounded = {
    read: async (digest: Sha256): Promise<Uint8Array> => {
      const bytes = await artifacts.read(digest);
      left -= bytes.byteLength;
      return bytes;
    },
  };
  for (const row of rows) {
    const skip = completeOnly && row.finish?.result !== 'complete';
    calls.push(skip ? unread(row) : await readCall(row, bounded));
    if (left < 0) {
      throw new ClawError('TooLarge', `calls of ${attempt}: more than ${maxBytes} bytes`);
    }
  }
  return calls;
}

function unread(row: CallRow): ReadCall {
  const problems = ['not read: it has no complete answer'];
  return { row, messages: [], tools: [], answer: undefined, problems };
}

async function readCall(row: CallRow, artifacts: Pick<ArtifactStore, 'read'>): Promise<ReadCall> {
  const problems: string[] = [];
  const read = async (digest: Sha256, what: string): Promise<Uint8Array | undefined> => {
    try {
      return await artifacts.read(digest);
    } catch (thrown) {
      problems.push(`${what}: ${errorMessage(thrown)}`);
      return undefined;
    }
  };
  const request = parseRequest(await read(row.request, 'request'), problems);
  const response = row.finish && (await read(row.finish.response, 'response'));
  if (row.finish === undefined) problems.push('response: the call was never finished');
  const answer = row.finish && response && assembleAnswer(response, row.finish.contentType);
  if (answer?.error !== undefined) problems.push(`response: ${answer.error}`);
  return { row, ...request, answer, problems };
}

function parseRequest(
  bytes: Uint8Array | undefined,
  problems: string[],
): Pick<ReadCall, 'messages' | 'tools'> {
  if (bytes === undefined) return { messages: [], tools: [] };
  let value: unknown;
  try {
    value = parseJson(new TextDecoder().decode(bytes));
  } catch (thrown) {
    problems.push(`request: ${errorMessage(thrown)}`);
  }
  const body = isRecord(value) ? value : {};
  const list = (member: unknown): readonly unknown[] => (Array.isArray(member) ? member : []);
  const messages: RequestMessage[] = [];
  for (const [index, item] of list(body['messages']).entries()) {
    const message = zMessage.safeParse(item);
    if (message.success) messages.push(message.data);
    else problems.push(`request: messages.${index}: not a message`);
  }
  return { messages, tools: list(body['tools']) };
}

/** The text of a message's content, whether a string or a list of parts. */
export function messageText(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  const parts: readonly unknown[] = content;
  const texts = parts.map((part) =>
    isRecord(part) && typeof part['text'] === 'string' ? part['text'] : '',
  );
  return texts.filter((text) => text !== '').join('\n');
}

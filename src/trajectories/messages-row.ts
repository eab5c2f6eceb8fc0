import { isRecord } from '../base/brand.ts';
import type { AssistantMessage } from './assistant-message.ts';
import type { BranchKind, CallChain, CallTree } from './call-tree.ts';
import { messageText, type RequestMessage } from './read-calls.ts';

/** What a row says of the rollout that it comes from; see docs/reference/messages-tools.md. */
export interface RowLineage {
  readonly batch: string;
  readonly rollout: string;
  readonly attempt: string;
  readonly task: {
    readonly id: string;
    readonly digest: string;
    /** Generation lineage of the task: the unit of splits. */
    readonly cluster: string;
  };
  readonly harness: { readonly name: string; readonly version: string };
  readonly outcome: string;
  /** Score of the rollout in [0, 1]. */
  readonly reward: number;
}

/** One conversation of one rollout in the shape of OpenAI's chat completions, for training. */
export interface MessagesRow extends RowLineage {
  /** `<attempt>/<session>`, unique in an export. */
  readonly id: string;
  /** 0-based session of the task. */
  readonly session: number;
  /** Model names as the upstream knows them, each once. */
  readonly models: readonly string[];
  readonly messages: readonly RowMessage[];
  /** Tools of the last request, as the harness sent them. */
  readonly tools: readonly unknown[];
  /** Ids of the calls that gave the assistant messages, in order. */
  readonly calls: readonly string[];
  /** Calls of the attempt that are in no conversation. */
  readonly branches: Readonly<Record<BranchKind, number>>;
}

/** A message; `weight` 0 marks an assistant message that no recorded call gave: not to be trained. */
export type RowMessage = Readonly<Record<string, unknown>> & { readonly role: string };

/** The rows of an attempt: one for each conversation of its task's sessions. */
export function messagesRows(tree: CallTree, lineage: RowLineage): readonly MessagesRow[] {
  const count = (kind: BranchKind): number =>
    tree.branches.filter((branch) => branch.kind === kind).length;
  const branches = {
    unanswered: count('unanswered'),
    retry: count('retry'),
    side: count('side'),
  };
  return tree.main.map(({ session, calls: chain }) => ({
    id: `${lineage.attempt}/${session}`,
    session,
    ...lineage,
    models: [...new Set(chain.map(({ row }) => row.model))],
    messages: rowMessages(chain),
    tools: chain.at(-1)?.tools ?? [],
    calls: chain.map(({ row }) => row.callId),
    branches,
  }));
}

/**
 * The last request and its answer. Assistant messages are the model's own words, not the harness's
 * echo of them, which may lack the reasoning.
 */
function rowMessages(chain: CallChain): readonly RowMessage[] {
  const answers = new Map<number, AssistantMessage>();
  for (const { messages, answer } of chain) {
    if (answer !== undefined) answers.set(messages.length, answer);
  }
  const last = chain.at(-1);
  const echoed = (last?.messages ?? []).map((message, position) => {
    const answer = answers.get(position);
    return answer === undefined ? inputMessage(message) : answerMessage(answer, message);
  });
  return last?.answer === undefined ? echoed : [...echoed, answerMessage(last.answer, undefined)];
}

function inputMessage(message: RequestMessage): RowMessage {
  const { content, ...rest } = message;
  const flat = { ...rest, content: plainContent(content) };
  return message.role === 'assistant' ? { ...flat, weight: 0 } : flat;
}

/** Parts of text alone as one string, a line each: chat templates render strings. */
function plainContent(content: unknown): unknown {
  const texts = Array.isArray(content) && content.every(isText) ? content : undefined;
  return texts === undefined ? (content ?? null) : messageText(texts);
}

const isText = (part: unknown): boolean => isRecord(part) && part['type'] === 'text';

/** @param echo the harness's copy, whose ids of tool calls the later tool messages refer to */
function answerMessage(answer: AssistantMessage, echo: RequestMessage | undefined): RowMessage {
  const { content, reasoning, toolCalls } = answer;
  return {
    role: 'assistant',
    content: content === '' && toolCalls.length > 0 ? null : content,
    ...(reasoning !== '' && { reasoning_content: reasoning }),
    ...(toolCalls.length > 0 && {
      tool_calls: toolCalls.map(({ id, name, arguments: args }, index) => ({
        id: echo?.tool_calls?.[index]?.id ?? id,
        type: 'function',
        function: { name, arguments: args },
      })),
    }),
  };
}

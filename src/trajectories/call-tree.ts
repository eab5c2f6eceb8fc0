import { canonicalJson } from '../base/canonical-json.ts';
import { sha256 } from '../base/digest.ts';
import type { AssistantMessage } from './assistant-message.ts';
import { messageText, type ReadCall, type RequestMessage } from './read-calls.ts';

/** Calls of one conversation: each request is the one before, its answer, and what came after. */
export type CallChain = readonly ReadCall[];

/**
 * Why a call is not part of a conversation:
 * - `unanswered`: it has no complete answer (aborted, failed, out of budget, unreadable).
 * - `retry`: the same request as another call, whose answer the agent went on with.
 * - `side`: another conversation, such as a title, a summary or a sub-agent.
 */
export type BranchKind = 'unanswered' | 'retry' | 'side';

export interface Branch {
  readonly kind: BranchKind;
  readonly call: ReadCall;
}

/** The conversation of one session. */
export interface SessionChain {
  /** 0-based position among the sessions of the task. */
  readonly session: number;
  readonly calls: CallChain;
}

/** The calls of an attempt: its conversations, and every other call. */
export interface CallTree {
  /** One chain for each session of the task that had an answer, in the task's order. */
  readonly main: readonly SessionChain[];
  /** In order of arrival. */
  readonly branches: readonly Branch[];
}

interface Node {
  readonly call: ReadCall;
  readonly parent: Node | undefined;
  /** The first call of the conversation; itself where it is that. */
  readonly root: ReadCall;
  /** Digest of the whole request. */
  readonly request: string;
  /** Calls of the conversation up to here. */
  readonly depth: number;
}

/**
 * Orders the calls of an attempt by exact message prefix: a call goes on from another where its
 * messages begin with that one's messages and answer. Ids of tool calls and reasoning are left out of
 * the comparison, for harnesses rewrite the one and drop the other.
 *
 * @param openings texts of the turns that open a session of the task, in order; a conversation
 *   belongs to the session whose opening its first user message holds, and the longest one counts
 */
export function callTree(calls: readonly ReadCall[], openings: readonly string[]): CallTree {
  const nodes = linked(calls.filter(isAnswered));
  const taken = new Set<Node>();
  const roots = new Set<ReadCall>();
  const main: SessionChain[] = [];
  // A text that is part of another one fits its conversation too: the longer ones choose first.
  const order = [...openings.entries()].toSorted(([, a], [, b]) => b.length - a.length);
  for (const [session, opening] of order) {
    const leaf = longest(nodes, ({ root }) => !roots.has(root) && opens(root, opening));
    if (leaf === undefined) continue;
    roots.add(leaf.root);
    const chain = path(leaf);
    for (const node of chain) taken.add(node);
    main.push({ session, calls: chain.map(({ call }) => call) });
  }
  const inOrder = main.toSorted((a, b) => a.session - b.session);
  return { main: inOrder, branches: branches(calls, nodes, taken) };
}

/** Texts of the turns that open a session: the first one, and every one that asks for a new session. */
export function sessionOpenings(
  turns: readonly { readonly text: string; readonly newSession: boolean }[],
): readonly string[] {
  return turns.filter((turn, index) => index === 0 || turn.newSession).map(({ text }) => text);
}

function isAnswered(call: ReadCall): boolean {
  return call.row.finish?.result === 'complete' && call.problems.length === 0;
}

function linked(calls: readonly ReadCall[]): readonly Node[] {
  /** By digest of a conversation up to an answer: the latest call that gave it. */
  const contexts = new Map<string, Node>();
  const nodes: Node[] = [];
  for (const call of calls) {
    const prefixes = prefixDigests(call.messages);
    const parent = prefixes
      .toReversed()
      .map((digest) => contexts.get(digest))
      .find((node) => node !== undefined);
    const request = prefixes.at(-1) ?? '';
    const depth = (parent?.depth ?? 0) + 1;
    const node = { call, parent, root: parent?.root ?? call, request, depth };
    nodes.push(node);
    if (call.answer !== undefined) contexts.set(extended(request, echoOf(call.answer)), node);
  }
  return nodes;
}

/** One digest for each prefix of the messages, so that a conversation is found by its digest. */
function prefixDigests(messages: readonly RequestMessage[]): readonly string[] {
  let digest = '';
  return messages.map((message) => {
    digest = extended(digest, normalForm(message));
    return digest;
  });
}

const extended = (prefix: string, message: object): string =>
  sha256(`${prefix}\n${canonicalJson(message)}`);

function normalForm(message: RequestMessage): object {
  const { role, content } = message;
  if (role !== 'assistant') return { role, content: content ?? null };
  const calls = (message.tool_calls ?? []).map(({ function: { name, arguments: args } }) => [
    name,
    args,
  ]);
  return { role, text: messageText(content), calls };
}

function echoOf(answer: AssistantMessage): object {
  const calls = answer.toolCalls.map(({ name, arguments: args }) => [name, args]);
  return { role: 'assistant', text: answer.content, calls };
}

function opens(call: ReadCall, opening: string): boolean {
  const first = call.messages.find(({ role }) => role === 'user');
  return messageText(first?.content).includes(opening);
}

/** The deepest node; of equals the latest, whose answer was the last word. */
function longest(nodes: readonly Node[], wanted: (node: Node) => boolean): Node | undefined {
  let best: Node | undefined;
  for (const node of nodes) {
    if (node.depth >= (best?.depth ?? 0) && wanted(node)) best = node;
  }
  return best;
}

function path(leaf: Node): readonly Node[] {
  const nodes: Node[] = [];
  for (let node: Node | undefined = leaf; node !== undefined; node = node.parent) nodes.push(node);
  return nodes.toReversed();
}

function branches(
  calls: readonly ReadCall[],
  nodes: readonly Node[],
  main: ReadonlySet<Node>,
): readonly Branch[] {
  const byCall = new Map(nodes.map((node) => [node.call, node]));
  const requests = new Set([...main].map(({ request }) => request));
  return calls.flatMap((call): readonly Branch[] => {
    const node = byCall.get(call);
    if (node === undefined) return [{ kind: 'unanswered', call }];
    if (main.has(node)) return [];
    return [{ kind: requests.has(node.request) ? 'retry' : 'side', call }];
  });
}

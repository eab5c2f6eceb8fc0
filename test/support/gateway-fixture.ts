import { randomUUID } from 'node:crypto';
import type { AttemptId } from '../../src/base/brand.ts';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { type Logger, silentLogger } from '../../src/base/logger.ts';
import { CALL_LIMITS, type CallLimits } from '../../src/gateway/call-run.ts';
import { Gateway, type GatewayAnswer } from '../../src/gateway/chat-completions.ts';
import { OpenAiUpstream } from '../../src/gateway/openai-upstream.ts';
import type { GatewaySession, SessionBudgets } from '../../src/gateway/session.ts';
import { MemorySessionDirectory } from '../../src/gateway/session-directory.ts';
import type { Upstream } from '../../src/gateway/upstream.ts';
import type { CallRow, RecordStore } from '../../src/store/records.ts';
import { openSqliteStore } from '../../src/store/sqlite/open.ts';
import { MemoryArtifacts } from './memory-artifacts.ts';
import { aBatch, aClaim, aPlan } from './records.ts';
import {
  type Fault,
  type ScriptedModelOptions,
  type ScriptedModelServer,
  startScriptedModel,
} from './scripted-model-server.ts';
import { tempDir } from './temp-dir.ts';

export const FAST_BACKOFF = { firstMs: 1, maxMs: 5 };
export const MODEL = 'scripted';
export const BEARER = 'bearer-of-the-first-attempt';

export interface GatewayFixtureOptions extends Partial<ScriptedModelOptions> {
  readonly budgets?: Partial<SessionBudgets>;
  readonly limits?: Partial<CallLimits>;
  readonly clock?: Clock;
  readonly upstream?: Upstream;
  readonly logger?: Logger;
  /** Wraps the record store, to watch or break it. */
  readonly wrapRecords?: (records: RecordStore) => RecordStore;
}

/** A gateway on a real record store in front of a scripted model, with one open session. */
export interface GatewayFixture extends AsyncDisposable {
  readonly folder: string;
  readonly model: ScriptedModelServer;
  readonly records: RecordStore;
  readonly artifacts: MemoryArtifacts;
  readonly sessions: MemorySessionDirectory;
  readonly session: GatewaySession;
  readonly attempt: AttemptId;
  readonly gateway: Gateway;
  /** Another gateway over the same stores, as after a restart of its process. */
  anotherGateway(): Gateway;
  /** Another attempt of the run, with a session of its own at the same upstream. */
  openAttempt(bearer: string): Promise<GatewaySession>;
  /** One chat call, answered whole. */
  ask(body: object | string, over?: AskOptions): Promise<WholeAnswer>;
}

export interface AskOptions {
  readonly callId?: string;
  readonly bearer?: string;
  readonly signal?: AbortSignal;
}

export interface WholeAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly bytes: Buffer;
  readonly text: string;
}

export async function gatewayFixture(options: GatewayFixtureOptions = {}): Promise<GatewayFixture> {
  const stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  const clock = options.clock ?? systemClock;
  const opened = stack.use(
    await openSqliteStore({ folder: `${dir.path}/store`, holder: 'test', clock }),
  );
  const records = options.wrapRecords?.(opened) ?? opened;
  const plan = aPlan(2);
  await opened.planBatch(aBatch(), plan);
  const [first, second] = plan;
  if (first === undefined || second === undefined) throw new Error('a plan of two rollouts');
  const { id: attempt } = await opened.openAttempt(first.id, aClaim());
  const artifacts = new MemoryArtifacts();
  const { script = () => ({ content: 'Done.' }), fault } = options;
  const model = stack.use(
    await startScriptedModel(fault === undefined ? { script } : { script, fault }),
  );
  const logger = options.logger ?? silentLogger;
  const common = { clock, random: () => 0.5, logger, backoff: FAST_BACKOFF };
  const upstream =
    options.upstream ??
    stack.use(
      new OpenAiUpstream({
        ...common,
        name: 'scripted',
        baseUrl: model.baseUrl,
        apiKey: 'sk-real',
      }),
    );
  const sessions = new MemorySessionDirectory(records, clock);
  const budgets = { turns: 100, totalTokens: 1_000_000, seconds: 3600, ...options.budgets };
  const session = await sessions.open({ attempt, bearer: BEARER, upstream, model: MODEL, budgets });
  const limits = { ...CALL_LIMITS, ...options.limits };
  const anotherGateway = () =>
    stack.use(new Gateway({ ...common, records, artifacts, sessions, limits, spoolDir: dir.path }));
  const gateway = anotherGateway();
  return {
    folder: dir.path,
    model,
    records,
    artifacts,
    sessions,
    session,
    attempt,
    gateway,
    anotherGateway,
    openAttempt: async (bearer) => {
      const { id } = await opened.openAttempt(second.id, aClaim());
      return await sessions.open({ attempt: id, bearer, upstream, model: MODEL, budgets });
    },
    ask: (body, over) => askGateway(gateway, body, over),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** A chat request with one user message. */
export function chatBody(over: object = {}): object {
  return { model: MODEL, messages: [{ role: 'user', content: 'Sort the mail' }], ...over };
}

export function askParts(
  gateway: Gateway,
  body: object | string,
  over: AskOptions = {},
): Promise<GatewayAnswer> {
  return gateway.handle(
    {
      method: 'POST',
      path: '/v1/chat/completions',
      authorization: `Bearer ${over.bearer ?? BEARER}`,
      callId: over.callId ?? randomUUID(),
      accept: undefined,
      body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
    },
    over.signal ?? new AbortController().signal,
  );
}

export async function askGateway(
  gateway: Gateway,
  body: object | string,
  over?: AskOptions,
): Promise<WholeAnswer> {
  const answer = await askParts(gateway, body, over);
  const chunks: Uint8Array[] = [];
  if (answer.body instanceof Uint8Array) chunks.push(answer.body);
  else for await (const chunk of answer.body) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  return { status: answer.status, contentType: answer.contentType, bytes, text: bytes.toString() };
}

export async function onlyCall(fixture: GatewayFixture): Promise<CallRow> {
  const [row, ...more] = await fixture.records.listCalls(fixture.attempt);
  if (row === undefined || more.length > 0) throw new Error(`${more.length} calls too many`);
  return row;
}

export async function recordedText(
  fixture: GatewayFixture,
  row: CallRow | undefined,
): Promise<string> {
  if (row?.finish === undefined) return 'open';
  return Buffer.from(await fixture.artifacts.read(row.finish.response)).toString();
}

/** Gives the fault to the first requests only. */
export function firstRequests(count: number, fault: Fault) {
  return ({ index }: { readonly index: number }) => (index < count ? fault : undefined);
}

export const STREAM = chatBody({ stream: true, stream_options: { include_usage: true } });
export const PLAIN = chatBody();

export async function readAll(body: AsyncIterable<Uint8Array> | Uint8Array): Promise<string> {
  if (body instanceof Uint8Array) return Buffer.from(body).toString();
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

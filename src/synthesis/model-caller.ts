import type { Sha256 } from '../base/brand.ts';
import type { Clock } from '../base/clock.ts';
import { ClawError } from '../base/error.ts';
import { type FixedSampling, withSampling } from '../gateway/chat-request.ts';
import type { Upstream } from '../gateway/upstream.ts';
import type { ArtifactStore } from '../store/artifacts.ts';
import type { SynthesisCallRow, SynthesisRecords } from '../store/synthesis-records.ts';
import { completionText } from './answers/completion-text.ts';
import type { Parsed } from './answers/extract-json.ts';

export type Role = SynthesisCallRow['role'];

/** What answers a role. */
export interface RoleModel {
  /** As the upstream knows it. */
  readonly name: string;
  readonly upstream: Upstream;
  readonly sampling: FixedSampling;
}

export interface ModelCallerOptions {
  readonly job: string;
  readonly models: Readonly<Record<Role, RoleModel>>;
  readonly store: Pick<SynthesisRecords, 'getSynthesisCall' | 'addSynthesisCall'>;
  readonly artifacts: Pick<ArtifactStore, 'put' | 'read'>;
  readonly clock: Clock;
  /** Input and output tokens of the whole job; undefined: no bound. */
  readonly maxTokens: number | undefined;
  /** Tokens of the calls before this process. */
  readonly usedTokens: number;
}

export interface ModelQuestion {
  readonly number: number;
  /** Unique within the record: stage and try. */
  readonly label: string;
  readonly stage: string;
  readonly role: Role;
  readonly prompt: string;
}

export interface ModelAnswer {
  readonly callId: string;
  readonly text: Parsed<string>;
}

/** One call, tries included, is given up after so long. */
const CALL_MS = 900_000;
const RETRY_MS = 120_000;
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
/** Statuses that are about the job and not about what one record asked. */
const JOB_STATUSES: ReadonlySet<number> = new Set([401, 402, 403, 404, 405, 429]);

/**
 * Asks the models of a job and records every answer before anybody uses it. A call id is made of job,
 * record and label, so a process that comes after a crash is answered from the record.
 */
export class ModelCaller {
  readonly #options: ModelCallerOptions;
  #tokens: number;

  constructor(options: ModelCallerOptions) {
    this.#options = options;
    this.#tokens = options.usedTokens;
  }

  /** True where the token budget allows no further call. */
  get exhausted(): boolean {
    return this.#tokens >= (this.#options.maxTokens ?? Number.POSITIVE_INFINITY);
  }

  /**
   * Throws `BudgetExhausted` where no tokens are left, `InvalidInput` where the endpoint refuses what
   * this record asks, `UpstreamFailed` where it gives no answer or refuses everything.
   */
  async ask(question: ModelQuestion, signal: AbortSignal): Promise<ModelAnswer> {
    const { store, artifacts, job } = this.#options;
    const callId = `${job}/${question.number}/${question.label}`;
    const known = await store.getSynthesisCall(callId);
    const row = known ?? (await this.#call(callId, question, signal));
    if (row.status >= 200 && row.status < 300)
      return { callId, text: completionText(await artifacts.read(row.response)).text };
    throw new ClawError(
      'InvalidInput',
      `the ${row.role} model ${row.model} refused the call ${callId} with status ${row.status}`,
      { details: { callId } },
    );
  }

  async #call(
    callId: string,
    { number, stage, role, prompt }: ModelQuestion,
    signal: AbortSignal,
  ): Promise<SynthesisCallRow> {
    if (this.exhausted) {
      throw new ClawError(
        'BudgetExhausted',
        `spec.budgets.tokens: ${this.#tokens} of ${this.#options.maxTokens} tokens are used`,
      );
    }
    const { store, artifacts, clock, job, models } = this.#options;
    const model = models[role];
    const messages = [{ role: 'user', content: prompt }];
    const plain = Buffer.from(JSON.stringify({ model: model.name, messages, stream: false }));
    const body = withSampling(plain, model.sampling);
    const startedAt = clock.now();
    const { status, bytes } = await send(model.upstream, body, signal);
    const { inputTokens, outputTokens } = completionText(bytes);
    const stored = await Promise.all([artifacts.put(body), artifacts.put(bytes)]);
    const [request, response] = stored.map(({ digest }): Sha256 => digest);
    if (request === undefined || response === undefined)
      throw new ClawError('Internal', 'an artifact was stored without a digest');
    this.#tokens += inputTokens + outputTokens;
    return await store.addSynthesisCall({
      ...{ callId, job, number, stage, role, model: model.name, request, response, status },
      ...{ inputTokens, outputTokens, startedAt, endedAt: clock.now() },
    });
  }
}

async function send(upstream: Upstream, body: Uint8Array, signal: AbortSignal) {
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(CALL_MS)]);
  try {
    const ask = { body, accept: 'application/json', retryMs: RETRY_MS };
    const response = await upstream.chat(ask, bounded);
    const bytes = await wholeAnswer(response.body);
    if (JOB_STATUSES.has(response.status)) {
      throw new ClawError(
        'UpstreamFailed',
        `the model endpoint ${upstream.name} refused the call with status ${response.status}; check its key, its address and the model's name`,
      );
    }
    return { status: response.status, bytes };
  } catch (thrown) {
    signal.throwIfAborted();
    if (thrown instanceof ClawError) throw thrown;
    throw new ClawError('UpstreamFailed', `the answer of ${upstream.name} broke off`, {
      cause: thrown,
    });
  }
}

async function wholeAnswer(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size > MAX_ANSWER_BYTES)
      throw new ClawError('TooLarge', `a model's answer has more than ${MAX_ANSWER_BYTES} bytes`);
  }
  return Buffer.concat(chunks);
}

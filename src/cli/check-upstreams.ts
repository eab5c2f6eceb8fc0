import { isRecord, parseJson } from '../base/brand.ts';
import { ClawError, errorMessage } from '../base/error.ts';
import type { Logger } from '../base/logger.ts';
import { plainText } from '../base/plain-text.ts';
import type { BatchPlan } from '../engines/engine.ts';
import { type FixedSampling, withSampling } from '../gateway/chat-request.ts';
import type { Upstream, UpstreamResponse } from '../gateway/upstream.ts';
import type { RecordReader } from '../store/record-reader.ts';
import type { Endpoint } from './open-model.ts';
import type { PreparedArm } from './prepare-arms.ts';

/** One arm whose endpoint must answer before the run starts. */
export interface UpstreamCheck {
  readonly arm: string;
  readonly model: string;
  readonly sampling: FixedSampling | undefined;
  readonly upstream: Upstream;
  readonly endpoint: Endpoint;
}

export interface UpstreamCheckOptions {
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Transient failures are tried again for so long. */
  readonly retryMs?: number;
}

const RETRY_MS = 20_000;
/** A server may load its model on the first call. */
const ANSWER_MS = 180_000;
const MAX_ANSWER_BYTES = 1024 * 1024;
const SHOWN = 300;

/** The arms with an endpoint that still have something to ask it. */
export async function upstreamChecks(
  arms: readonly PreparedArm[],
  plans: readonly BatchPlan[],
  upstreams: ReadonlyMap<string, Upstream>,
  store: Pick<RecordReader, 'getBatch' | 'countOutcomes'>,
): Promise<readonly UpstreamCheck[]> {
  const checks: UpstreamCheck[] = [];
  for (const [index, { request, endpoint }] of arms.entries()) {
    const plan = plans[index];
    const upstream = upstreams.get(request.name);
    if (plan === undefined || upstream === undefined || endpoint === undefined) continue;
    if (!(await hasUndecided(plan, store))) continue;
    const { name: model, sampling } = plan.model ?? { name: '', sampling: undefined };
    checks.push({ arm: request.name, model, sampling, upstream, endpoint });
  }
  return checks;
}

async function hasUndecided(
  { batch, rollouts }: BatchPlan,
  store: Pick<RecordReader, 'getBatch' | 'countOutcomes'>,
): Promise<boolean> {
  if ((await store.getBatch(batch.id)) === undefined)
    return rollouts.some(({ decided }) => decided === undefined);
  return (await store.countOutcomes(batch.id)).undecided > 0;
}

/**
 * Asks each endpoint for one tiny answer, so that a wrong key, address or model name stops a run
 * before it has decided anything. Throws `UpstreamFailed` with the endpoint's own sentence, keys
 * taken out, and what to check.
 */
export async function checkUpstreams(
  checks: readonly UpstreamCheck[],
  options: UpstreamCheckOptions,
): Promise<void> {
  const asked = new Set<Upstream>();
  for (const check of checks) {
    if (asked.has(check.upstream)) continue;
    asked.add(check.upstream);
    const { endpoint, model } = check;
    options.logger.info({ endpoint: endpoint.address, model }, 'asking the model for one answer');
    await checkOne(check, options);
  }
}

async function checkOne(check: UpstreamCheck, options: UpstreamCheckOptions): Promise<void> {
  const first = await answerOf(check, { max_tokens: 1 }, options);
  if (first.accepted) {
    if (isCompletion(first.text)) return;
    throw failed(
      check,
      `answered with something else than a chat completion${quote(check.endpoint.redact(first.text))}`,
      ['--base-url'],
    );
  }
  // Some models refuse so small an answer, or the name of the field; then they are asked plainly.
  const plain = first.status === 400 || first.status === 422;
  const last = plain ? await answerOf(check, { stream: true }, options) : first;
  if (last.accepted) return;
  const sentence = quote(check.endpoint.redact(ownSentence(last.text)));
  throw failed(check, `refused the call with status ${last.status}${sentence}`, toCheck(last));
}

interface Answer {
  readonly status: number;
  readonly accepted: boolean;
  readonly text: string;
}

async function answerOf(
  check: UpstreamCheck,
  extra: { readonly max_tokens?: number; readonly stream?: boolean },
  { signal, retryMs = RETRY_MS }: UpstreamCheckOptions,
): Promise<Answer> {
  const messages = [{ role: 'user', content: 'Answer with one word: ready?' }];
  const plain = new TextEncoder().encode(JSON.stringify({ model: check.model, messages }));
  const sampled = withSampling(plain, check.sampling);
  const body = withSampling(sampled, extra);
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
  try {
    const ask = { body, accept: 'application/json', retryMs };
    const response = await check.upstream.chat(ask, bounded);
    const accepted = response.status >= 200 && response.status < 300;
    const text = await startOf(response, accepted && extra.stream === true ? 1 : MAX_ANSWER_BYTES);
    return { status: response.status, accepted, text };
  } catch (thrown) {
    signal.throwIfAborted();
    const reason = check.endpoint.redact(errorMessage(thrown));
    throw failed(check, `gave no answer${quote(reason)}`, ['--base-url', 'the endpoint itself']);
  }
}

async function startOf({ body }: UpstreamResponse, bytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size >= bytes) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}

function isCompletion(text: string): boolean {
  const value = jsonOf(text);
  return isRecord(value) && Array.isArray(value['choices']);
}

/** The message of an error in one of the usual shapes; else the text as it is. */
function ownSentence(text: string): string {
  const value = jsonOf(text);
  if (!isRecord(value)) return text;
  const error = value['error'];
  const said = [isRecord(error) ? error['message'] : error, value['message'], value['detail']];
  return said.find((each) => typeof each === 'string') ?? text;
}

function jsonOf(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

function toCheck({ status }: Answer): readonly string[] {
  const key = 'the key (--api-key-env, or apiKeyEnv in a manifest)';
  if (status === 401) return [key];
  if (status === 403) return [key, '--model'];
  if (status < 400 || status === 404 || status === 405) return ['--model', '--base-url'];
  return ['--model', 'the sampling that the run fixes'];
}

function quote(text: string): string {
  const line = plainText(text, SHOWN);
  return line === '' ? '' : `: "${line}"`;
}

function failed(
  { arm, model, endpoint }: UpstreamCheck,
  what: string,
  toCheck: readonly string[],
): ClawError {
  const key = endpoint.keyFrom === undefined ? 'no key was sent' : `key from ${endpoint.keyFrom}`;
  return new ClawError(
    'UpstreamFailed',
    `arm ${arm}: the model endpoint ${endpoint.address} (model ${model}, ${key}) ${what}. No rollout was started or decided: check ${toCheck.join(' and ')}, then run again; --no-model-check starts without this question`,
  );
}

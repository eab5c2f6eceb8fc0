import { ClawError } from '../base/error.ts';
import type { Logger } from '../base/logger.ts';
import type { BatchPlan } from '../engines/engine.ts';
import type { FixedSampling } from '../gateway/chat-request.ts';
import { askFirst, type Suspect } from '../gateway/first-question.ts';
import type { Upstream } from '../gateway/upstream.ts';
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

async function checkOne(
  { arm, endpoint, ...question }: UpstreamCheck,
  options: UpstreamCheckOptions,
): Promise<void> {
  const redact = (text: string): string => endpoint.redact(text);
  const refusal = await askFirst({ ...question, redact }, options);
  if (refusal === undefined) return;
  const key = endpoint.keyFrom === undefined ? 'no key was sent' : `key from ${endpoint.keyFrom}`;
  const toCheck = refusal.suspects.map((each) => TO_CHECK[each]).join(' and ');
  throw new ClawError(
    'UpstreamFailed',
    `arm ${arm}: the model endpoint ${endpoint.address} (model ${question.model}, ${key}) ${refusal.words}. No rollout was started or decided: check ${toCheck}, then run again; --no-model-check starts without this question`,
  );
}

const TO_CHECK: Readonly<Record<Suspect, string>> = {
  key: 'the key (--api-key-env, or apiKeyEnv in a manifest)',
  credit: 'the credit of the account behind the key',
  model: '--model',
  address: '--base-url',
  sampling: 'the sampling that the run fixes',
  endpoint: 'the endpoint itself',
};

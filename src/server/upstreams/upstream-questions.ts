import { canonicalJson } from '../../base/canonical-json.ts';
import type { Clock } from '../../base/clock.ts';
import { ClawError, errorMessage } from '../../base/error.ts';
import type { Logger } from '../../base/logger.ts';
import type { FixedSampling } from '../../gateway/chat-request.ts';
import {
  askFirst,
  type EndpointRefusal,
  type FirstQuestionOptions,
  type Suspect,
} from '../../gateway/first-question.ts';
import { TokenUpstream } from '../../gateway/token-upstream.ts';
import type { Upstream } from '../../gateway/upstream.ts';
import type { ModelHold } from '../../protocol/model-hold.ts';
import { type KnownAnswer, nextQuestion } from './next-question.ts';
import type { CurrentUpstream, SecretUpstreams } from './secret-upstreams.ts';

/** A model as a run is going to ask for it. */
export interface AskedModel {
  readonly namespace: string;
  /** Name of the Secret. */
  readonly secret: string;
  readonly model: string;
  readonly sampling: FixedSampling;
  /** Its answers must bring tokens. */
  readonly tokens: boolean;
}

export interface UpstreamQuestionsOptions {
  readonly upstreams: Pick<SecretUpstreams, 'current'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ends what is being asked when the server ends. */
  readonly signal: AbortSignal;
  /** Bounds of one question. */
  readonly bounds?: Omit<FirstQuestionOptions, 'signal'>;
}

interface Known extends KnownAnswer {
  /** Undefined where its Secret gives none. */
  readonly client: Upstream | undefined;
}

interface Entry {
  known: Known | undefined;
  under: boolean;
}

const MOST_ENTRIES = 1000;

/**
 * Asks the endpoint of a Secret for one token before a run starts, so that a wrong key, name or address
 * stops the run before anything of it is decided. Nobody waits here: who looks again hears what came of it.
 */
export class UpstreamQuestions {
  readonly #options: UpstreamQuestionsOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: UpstreamQuestionsOptions) {
    this.#options = options;
  }

  /** Why a run that asks so may not start; undefined where the endpoint has answered lately. */
  look(asked: AskedModel): ModelHold | undefined {
    const entry = this.#entry(asked);
    const step = nextQuestion(entry.known, this.#options.clock.monotonic());
    if (step !== 'rest' && !entry.under) {
      entry.under = true;
      void this.#find(asked, entry, step).finally(() => {
        entry.under = false;
      });
    }
    if (entry.known?.hold !== undefined) return entry.known.hold;
    return step === 'rest' ? undefined : askingModel(asked);
  }

  /** The latest last, so that the first is what was not looked for longest. */
  #entry(asked: AskedModel): Entry {
    const key = canonicalJson(asked);
    const entry = this.#entries.get(key) ?? { known: undefined, under: false };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > MOST_ENTRIES && oldest !== undefined) this.#entries.delete(oldest);
    return entry;
  }

  async #find(asked: AskedModel, entry: Entry, step: 'ask' | 'read'): Promise<void> {
    const { clock, logger, signal, upstreams } = this.#options;
    const { namespace, secret, model } = asked;
    try {
      const current = await upstreams.current(namespace, secret);
      const { client } = current;
      if (step === 'read' && entry.known !== undefined && entry.known.client === client) {
        entry.known = { ...entry.known, readAt: clock.monotonic() };
        return;
      }
      logger.info({ namespace, secret, model }, 'asking the model for one token');
      const hold = await this.#ask(asked, current);
      if (hold !== undefined) logger.warn({ message: hold.message }, 'a model is not to be had');
      entry.known = this.#knownNow(hold, client);
    } catch (thrown) {
      if (signal.aborted) return;
      entry.known = this.#knownNow(withoutClient(asked, thrown), undefined);
      if (!(thrown instanceof ClawError)) logger.error({ error: thrown }, 'a model was not asked');
    }
  }

  #knownNow(hold: ModelHold | undefined, client: Upstream | undefined): Known {
    const now = this.#options.clock.monotonic();
    return { hold, client, askedAt: now, readAt: now };
  }

  async #ask(
    asked: AskedModel,
    { client, redact }: CurrentUpstream,
  ): Promise<ModelHold | undefined> {
    const { bounds, signal } = this.#options;
    const { model, sampling, tokens } = asked;
    const upstream = tokens ? new TokenUpstream(client) : client;
    const refusal = await askFirst({ upstream, model, sampling, redact }, { ...bounds, signal });
    return refusal && refusedModel(asked, refusal);
  }
}

function askingModel({ namespace, secret, model }: AskedModel): ModelHold {
  return {
    reason: 'AskingModel',
    message: `the model endpoint of Secret ${namespace}/${secret} (model ${model}) is asked for one token; nothing starts before it has answered`,
  };
}

/** Pure: what an endpoint did, and what to do about it. */
export function refusedModel(
  { namespace, secret, model }: AskedModel,
  { words, suspects }: EndpointRefusal,
): ModelHold {
  const toDo = suspects.map((each) => TO_CHECK[each]).join(' and ');
  return {
    reason: 'UpstreamRefused',
    message: `the model endpoint of Secret ${namespace}/${secret} (model ${model}) ${words}. Nothing was started: check ${toDo}; the run goes on by itself once the endpoint answers`,
  };
}

const TO_CHECK: Readonly<Record<Suspect, string>> = {
  key: 'apiKey of the Secret',
  credit: 'the credit of the account behind the key',
  model: 'the name of the model (another one needs a new run)',
  address: 'baseURL of the Secret',
  sampling: 'the sampling that the run fixes (another one needs a new run)',
  endpoint: 'the endpoint itself',
};

/** The Secret is unfit, or could not be read, which is nobody's fault. */
function withoutClient(asked: AskedModel, thrown: unknown): ModelHold {
  const ours = !(thrown instanceof ClawError) || thrown.retryable;
  if (!ours) return { reason: 'UpstreamUnfit', message: thrown.message };
  const { message } = askingModel(asked);
  return { reason: 'AskingModel', message: `${message}: ${errorMessage(thrown)}` };
}

import { readFile } from 'node:fs/promises';
import type { Sha256 } from '../base/brand.ts';
import { systemClock } from '../base/clock.ts';
import { sha256 } from '../base/digest.ts';
import { ClawError, errorMessage } from '../base/error.ts';
import type { Logger } from '../base/logger.ts';
import { RecordedUpstream } from '../gateway/recorded-upstream.ts';
import { parseRecording } from '../gateway/recording.ts';
import { redactKeys } from '../gateway/redact-keys.ts';
import { TokenUpstream } from '../gateway/token-upstream.ts';
import type { Upstream } from '../gateway/upstream.ts';
import type { CliEnvironment } from './environment.ts';
import type { ModelRequest } from './run-request.ts';
import type { ModelSource, ServedModel, ServedModels } from './served-models.ts';

/** What answers the model calls of an arm. */
export interface OpenedModel {
  readonly upstream: Upstream;
  /** SHA-256 of the recording that answers in place of a model. */
  readonly recording: Sha256 | undefined;
  /** Present where a real endpoint answers. */
  readonly endpoint: Endpoint | undefined;
  /** Present where a model of ours answers. */
  readonly served?: ServedModel | undefined;
}

export interface Endpoint {
  /** The base URL as it may be shown and kept: without user, password, query and fragment. */
  readonly address: string;
  /** The environment variable whose value is sent as the key; undefined: no key is sent. */
  readonly keyFrom: string | undefined;
  /** The text without anything that is or looks like a key. */
  redact(text: string): string;
}

export async function openModel(
  model: ModelRequest,
  environment: CliEnvironment,
  logger: Logger,
  models?: ServedModels,
): Promise<OpenedModel> {
  const { source } = model;
  if (source.kind === 'recording') {
    const text = await readText(source.path);
    const upstream = new RecordedUpstream(parseRecording(text, source.path));
    return { upstream, recording: sha256(text), endpoint: undefined };
  }
  if (source.kind === 'artifact' || source.kind === 'trainingRun') {
    const served = await servedBy(models, model, source);
    const upstream =
      model.capturesTokens === true ? new TokenUpstream(served.policy) : served.policy;
    return { upstream, recording: undefined, endpoint: undefined, served };
  }
  const key = apiKey(source.apiKeyEnv, environment);
  const { OpenAiUpstream } = await import('../gateway/openai-upstream.ts');
  const plain = new OpenAiUpstream({
    name: model.name,
    baseUrl: source.baseUrl,
    apiKey: key.value,
    clock: systemClock,
    random: Math.random,
    logger,
  });
  const upstream = model.capturesTokens === true ? new TokenUpstream(plain) : plain;
  const endpoint = {
    address: publicAddress(source.baseUrl),
    keyFrom: key.value === undefined ? undefined : key.name,
    redact: (text: string) => redactKeys(text, key.value),
  };
  return { upstream, recording: undefined, endpoint };
}

async function servedBy(
  models: ServedModels | undefined,
  { name }: ModelRequest,
  source: ModelSource,
): Promise<ServedModel> {
  if (models !== undefined) return await models.open(name, source);
  throw new ClawError(
    'InvalidManifest',
    `model ${name}: a model artifact is served for the arms of a BenchRun or RolloutBatch only; name an endpoint here`,
  );
}

/** A base URL without the parts that may carry a secret. */
export function publicAddress(baseUrl: string): string {
  const url = URL.parse(baseUrl);
  return url === null ? '' : `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new ClawError('NotFound', `recording ${path} cannot be read: ${errorMessage(cause)}`, {
      cause,
    });
  }
}

const DEFAULT_KEY = 'OPENAI_API_KEY';

/** The default variable may be unset (local servers need no key); a named one must be set. */
function apiKey(
  name: string | undefined,
  environment: CliEnvironment,
): { readonly name: string; readonly value: string | undefined } {
  // An empty variable is an unset one: an empty bearer helps nobody.
  if (name === undefined)
    return { name: DEFAULT_KEY, value: environment.secret(DEFAULT_KEY) || undefined };
  const value = environment.secret(name);
  if (value !== undefined && value !== '') return { name, value };
  throw new ClawError(
    'InvalidInput',
    `the environment variable ${name} holds no key: set it, or name another with --api-key-env`,
  );
}

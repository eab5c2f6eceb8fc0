import { createLocalJWKSet, type JSONWebKeySet } from 'jose';
import { z } from 'zod';
import type { Clock } from '../../base/clock.ts';
import { ClawError, errorMessage } from '../../base/error.ts';
import type { Logger } from '../../base/logger.ts';

/** Where the cluster publishes who signs its tokens. Both answers are the raw JSON. */
export interface KeySource {
  /** `/.well-known/openid-configuration`. */
  configuration(signal: AbortSignal): Promise<unknown>;
  /** `/openid/v1/jwks`. */
  keys(signal: AbortSignal): Promise<unknown>;
}

export interface ClusterKeysOptions {
  readonly source: KeySource;
  /** Pinned; absent: the issuer that the API server names for itself. */
  readonly issuer?: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ends requests when the server ends. */
  readonly signal: AbortSignal;
}

export type LocalKeys = ReturnType<typeof createLocalJWKSet>;

const zConfiguration = z.object({ issuer: z.string().min(1) });
const zPart = z.string().max(10_000).exactOptional();
/** Public members only (RFC 7517, 7518). */
const zKeySet = z.object({
  keys: z
    .array(
      z.object({
        kty: z.string(),
        kid: zPart,
        alg: zPart,
        use: zPart,
        n: zPart,
        e: zPart,
        crv: zPart,
        x: zPart,
        y: zPart,
      }),
    )
    .max(100),
});

/** A key that the cluster has withdrawn is believed no longer than this. */
const MAX_AGE_MS = 10 * 60_000;
/** Tokens with invented key ids must not become requests to the API server. */
const MIN_PAUSE_MS = 10_000;

interface KeptKeys {
  readonly set: LocalKeys;
  readonly ids: ReadonlySet<string>;
  readonly at: number;
}

/**
 * The issuer and the public keys of the cluster's service account tokens. Keys are fetched at the
 * first use, again every ten minutes and when a token names one that is not known, at most once in ten
 * seconds. While the API server is away the keys that are known hold.
 */
export class ClusterKeys {
  readonly #options: ClusterKeysOptions;
  #issuer: Promise<string> | undefined;
  #kept: KeptKeys | undefined;
  #fetching: Promise<KeptKeys> | undefined;
  #triedAt = Number.NEGATIVE_INFINITY;

  constructor(options: ClusterKeysOptions) {
    this.#options = options;
  }

  /** Throws `ClusterUnavailable` (retryable) where the API server does not say. */
  issuer(): Promise<string> {
    const { issuer, source, signal } = this.#options;
    if (issuer !== undefined) return Promise.resolve(issuer);
    this.#issuer ??= source
      .configuration(signal)
      .then((raw) => zConfiguration.parse(raw).issuer)
      .catch((cause: unknown) => {
        this.#issuer = undefined;
        throw unavailable('the issuer of service account tokens', cause);
      });
    return this.#issuer;
  }

  /** The keys to check a token with; undefined where the cluster publishes none of this id. */
  async keysFor(kid: string): Promise<LocalKeys | undefined> {
    const kept = await this.#fresh();
    if (kept.ids.has(kid)) return kept.set;
    const { clock } = this.#options;
    if (clock.monotonic() - this.#triedAt < MIN_PAUSE_MS) return undefined;
    const renewed = await this.#fetch().catch(() => kept);
    return renewed.ids.has(kid) ? renewed.set : undefined;
  }

  async #fresh(): Promise<KeptKeys> {
    const { clock, logger } = this.#options;
    const kept = this.#kept;
    if (kept === undefined) return await this.#fetch();
    const now = clock.monotonic();
    if (now - kept.at < MAX_AGE_MS || now - this.#triedAt < MIN_PAUSE_MS) return kept;
    try {
      return await this.#fetch();
    } catch (thrown) {
      logger.warn({ error: errorMessage(thrown) }, 'keys of the cluster were not renewed');
      return kept;
    }
  }

  #fetch(): Promise<KeptKeys> {
    this.#fetching ??= this.#fetchOnce().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #fetchOnce(): Promise<KeptKeys> {
    const { source, signal, clock } = this.#options;
    this.#triedAt = clock.monotonic();
    try {
      const keys: JSONWebKeySet = zKeySet.parse(await source.keys(signal));
      const ids = new Set(keys.keys.flatMap(({ kid }) => (kid === undefined ? [] : [kid])));
      this.#kept = { set: createLocalJWKSet(keys), ids, at: clock.monotonic() };
      return this.#kept;
    } catch (cause) {
      throw unavailable('the keys of service account tokens', cause);
    }
  }
}

function unavailable(what: string, cause: unknown): ClawError {
  return new ClawError(
    'ClusterUnavailable',
    `${what} could not be read from the API server: ${errorMessage(cause)}`,
    { cause, retryable: true },
  );
}

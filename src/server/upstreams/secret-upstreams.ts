import type { Clock } from '../../base/clock.ts';
import { ClawError } from '../../base/error.ts';
import { redactKeys } from '../../gateway/redact-keys.ts';
import type { Upstream, UpstreamRequest, UpstreamResponse } from '../../gateway/upstream.ts';
import { isForbiddenHost } from './forbidden-hosts.ts';

/** Type of the Secrets that pair an endpoint with its key (design: rollouts.md 8). */
export const UPSTREAM_SECRET_TYPE = 'clawgym.io/upstream';

export interface SecretReader {
  /** Decoded; undefined where there is none. Throws `ClusterUnavailable` (retryable). */
  get(namespace: string, name: string): Promise<SecretValue | undefined>;
}

export interface SecretValue {
  readonly type: string;
  readonly fields: Readonly<Record<string, string>>;
}

export interface UpstreamEndpoint {
  readonly baseUrl: string;
  readonly apiKey: string | undefined;
}

export interface SecretUpstreamsOptions {
  readonly secrets: SecretReader;
  /** Makes the client of an endpoint; `name` is for logs and reports. */
  readonly connect: (name: string, endpoint: UpstreamEndpoint) => Upstream;
  /** Names of the server itself, in lower case: no endpoint may be one of them. */
  readonly ownNames: ReadonlySet<string>;
  readonly clock: Clock;
}

/** An endpoint as its Secret says it now. */
export interface CurrentUpstream {
  /** Another one where address or key have changed. */
  readonly client: Upstream;
  /** The text without the key. */
  readonly redact: (text: string) => string;
}

/** A changed key works within this time; a call a second must not be a read a second. */
const KEEP_MS = 30_000;

interface Kept {
  readonly until: number;
  readonly endpoint: UpstreamEndpoint;
  readonly client: Upstream;
}

/**
 * Model endpoints by the Secrets that name them. A client lives as long as its Secret says the same,
 * so attempts share its connections.
 */
export class SecretUpstreams {
  readonly #options: SecretUpstreamsOptions;
  readonly #kept = new Map<string, Kept>();
  readonly #reading = new Map<string, Promise<Kept>>();

  constructor(options: SecretUpstreamsOptions) {
    this.#options = options;
  }

  /** Throws `NotFound`, `InvalidInput` (the Secret is unfit) or `ClusterUnavailable`. */
  async check(namespace: string, name: string): Promise<void> {
    await this.#client(namespace, name);
  }

  /** Reads its Secret when it is called, so that a renewed key holds for attempts at work too. */
  of(namespace: string, name: string): Upstream {
    return new SecretUpstream(name, () => this.#client(namespace, name));
  }

  /** Reads the Secret now, whatever is known. Throws as `check`. */
  async current(namespace: string, name: string): Promise<CurrentUpstream> {
    const { client, endpoint } = await this.#renewed(namespace, name);
    return { client, redact: (text) => redactKeys(text, endpoint.apiKey) };
  }

  async #client(namespace: string, name: string): Promise<Upstream> {
    const kept = this.#kept.get(`${namespace}/${name}`);
    if (kept !== undefined && this.#options.clock.monotonic() < kept.until) return kept.client;
    return (await this.#renewed(namespace, name)).client;
  }

  /** Who asks meanwhile gets the same. */
  async #renewed(namespace: string, name: string): Promise<Kept> {
    const key = `${namespace}/${name}`;
    const kept = this.#kept.get(key);
    const reading = this.#reading.get(key) ?? this.#read(namespace, name, kept);
    this.#reading.set(key, reading);
    try {
      return await reading;
    } finally {
      if (this.#reading.get(key) === reading) this.#reading.delete(key);
    }
  }

  async #read(namespace: string, name: string, kept: Kept | undefined): Promise<Kept> {
    const { secrets, connect, clock } = this.#options;
    const endpoint = await this.#endpoint(secrets, namespace, name, kept);
    const same =
      kept?.endpoint.baseUrl === endpoint.baseUrl && kept.endpoint.apiKey === endpoint.apiKey;
    const client = same ? kept.client : connect(name, endpoint);
    const now = { until: clock.monotonic() + KEEP_MS, endpoint, client };
    this.#kept.set(`${namespace}/${name}`, now);
    return now;
  }

  /** While the API server is away, what was read last holds; a Secret that is gone does not. */
  async #endpoint(
    secrets: SecretReader,
    namespace: string,
    name: string,
    kept: Kept | undefined,
  ): Promise<UpstreamEndpoint> {
    try {
      const secret = await secrets.get(namespace, name);
      return readEndpoint(`${namespace}/${name}`, secret, this.#options.ownNames);
    } catch (thrown) {
      const away = thrown instanceof ClawError && thrown.code === 'ClusterUnavailable';
      if (kept === undefined || !away) throw thrown;
      return kept.endpoint;
    }
  }
}

class SecretUpstream implements Upstream {
  readonly name: string;
  readonly #client: () => Promise<Upstream>;
  #last: Upstream | undefined;

  constructor(name: string, client: () => Promise<Upstream>) {
    this.name = name;
    this.#client = client;
  }

  get answered(): boolean {
    return this.#last?.answered ?? false;
  }

  redact(text: string): string {
    return this.#last?.redact?.(text) ?? text;
  }

  async chat(request: UpstreamRequest, signal: AbortSignal): Promise<UpstreamResponse> {
    this.#last = await this.#client();
    return await this.#last.chat(request, signal);
  }
}

/** Says which Secret, which field, and what was expected; never what a field holds. */
export function readEndpoint(
  place: string,
  secret: SecretValue | undefined,
  ownNames: ReadonlySet<string>,
): UpstreamEndpoint {
  if (secret === undefined) {
    throw new ClawError(
      'NotFound',
      `Secret ${place} does not exist; create it with type ${UPSTREAM_SECRET_TYPE} and the fields baseURL and apiKey`,
    );
  }
  if (secret.type !== UPSTREAM_SECRET_TYPE) {
    throw new ClawError(
      'InvalidInput',
      `Secret ${place} has type ${secret.type}; expected ${UPSTREAM_SECRET_TYPE}, so that no other Secret is ever sent to an endpoint`,
    );
  }
  const baseUrl = (secret.fields['baseURL'] ?? '').trim();
  const url = URL.parse(baseUrl);
  const http = url?.protocol === 'http:' || url?.protocol === 'https:';
  if (url === null || !http || url.username !== '' || url.password !== '') {
    throw new ClawError(
      'InvalidInput',
      `Secret ${place}: baseURL must be an http or https URL without user and password, up to /v1`,
    );
  }
  if (isForbiddenHost(url.hostname, ownNames)) {
    throw new ClawError(
      'InvalidInput',
      `Secret ${place}: baseURL names the server itself, its host, or a loopback, link-local or unspecified address; name an endpoint that other pods could reach too, for example a Service`,
    );
  }
  const apiKey = secret.fields['apiKey']?.trim();
  if (apiKey !== undefined && !/^[\x21-\x7e]*$/.test(apiKey)) {
    throw new ClawError(
      'InvalidInput',
      `Secret ${place}: apiKey must be printable ASCII without spaces`,
    );
  }
  return { baseUrl, apiKey: apiKey === '' ? undefined : apiKey };
}

import type { RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { z } from 'zod';
import type { Clock } from '../base/clock.ts';
import { KubeError } from '../base/kube-error.ts';
import type { Logger } from '../base/logger.ts';
import { type ConnectSettings, sameSettings } from './connect-settings.ts';
import { type KubeConfigSource, loadKubeConfig } from './load-kube-config.ts';

/** Everything that a request needs of the kubeconfig, at one moment. Never log it. */
export interface CredentialState {
  /** Authorization and impersonation. */
  readonly headers: Readonly<Record<string, string>>;
  /** The same object as long as nothing in it changed: a change needs new connections. */
  readonly connect: ConnectSettings;
}

/** Credentials that rotate. */
export interface Credentials {
  /** The newest state, read again where it is older than 60 s. */
  current(): Promise<CredentialState>;
  /** The state after `rejected`: read again unless that happened meanwhile. */
  renew(rejected: CredentialState): Promise<CredentialState>;
}

/** As client-go: service-account tokens are replaced in their file long before they expire. */
const MAX_AGE_MS = 60_000;
/** A server that refuses every token must not start a plugin for every call. */
const MIN_RENEWAL_GAP_MS = 1_000;

/**
 * Credentials from a kubeconfig or a pod's service account. All authentication is the library's:
 * certificates, tokens, token files, exec plugins, OIDC. The source is read anew every 60 s and once
 * on a 401; a failed renewal keeps the old state and warns.
 */
export function createCredentials(options: {
  readonly source: KubeConfigSource;
  readonly clock: Clock;
  readonly logger: Logger;
}): Credentials {
  return new RotatingCredentials(options.source, options.clock, options.logger);
}

class RotatingCredentials implements Credentials {
  readonly #source: KubeConfigSource;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #config: KubeConfig | undefined;
  #state: CredentialState | undefined;
  #readAt = Number.NEGATIVE_INFINITY;
  #renewedAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<CredentialState> | undefined;

  constructor(source: KubeConfigSource, clock: Clock, logger: Logger) {
    this.#source = source;
    this.#clock = clock;
    this.#logger = logger;
  }

  async current(): Promise<CredentialState> {
    if (this.#state !== undefined && this.#clock.monotonic() - this.#readAt < MAX_AGE_MS)
      return this.#state;
    return this.#read(false);
  }

  async renew(rejected: CredentialState): Promise<CredentialState> {
    if (this.#state !== undefined && this.#state !== rejected) return this.#state;
    const now = this.#clock.monotonic();
    if (now - this.#renewedAt < MIN_RENEWAL_GAP_MS && this.#state !== undefined)
      return this.#reading ?? this.#state;
    this.#renewedAt = now;
    return this.#read(true);
  }

  #read(forced: boolean): Promise<CredentialState> {
    this.#reading ??= this.#readOnce(forced).finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readOnce(forced: boolean): Promise<CredentialState> {
    try {
      // A plugin's token lives in the library's object until it expires: keep the object, except
      // where the server refused that token. An OIDC refresh token may be good for one use only.
      const plugin = pluginOf(this.#config);
      const keep = plugin.kind === 'oidc' || (plugin.kind === 'exec' && !forced);
      if (!keep || this.#config === undefined) this.#config = await loadKubeConfig(this.#source);
      const next = await stateOf(this.#config, this.#state?.connect);
      if (this.#state !== undefined && next.connect !== this.#state.connect)
        this.#logger.info({}, 'server address or TLS material changed; opening new connections');
      this.#state = next;
    } catch (thrown) {
      if (this.#state === undefined) throw thrown;
      this.#logger.warn({ error: thrown }, 'cannot renew the credentials; keeping the old ones');
    }
    this.#readAt = this.#clock.monotonic();
    return this.#state;
  }
}

async function stateOf(
  config: KubeConfig,
  previous: ConnectSettings | undefined,
): Promise<CredentialState> {
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new KubeError('InvalidConfig', 'the kubeconfig names no cluster');
  const options: RequestOptions = {};
  try {
    await config.applyToHTTPSOptions(options);
  } catch (thrown) {
    throw authenticationError(pluginOf(config).command, thrown);
  }
  const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options;
  const tls = { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername };
  const connect = { server: cluster.server, tls, proxyUrl: cluster.proxyUrl ?? undefined };
  return {
    headers: headersOf(options),
    connect: previous !== undefined && sameSettings(previous, connect) ? previous : connect,
  };
}

/** Header values lose line ends: token files often have one. */
function headersOf(options: RequestOptions): Record<string, string> {
  const headers: Record<string, string> = {};
  if (options.auth)
    headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  for (const [name, value] of Object.entries(options.headers ?? {}))
    if (value !== undefined) headers[name.toLowerCase()] = String(value).trim();
  return headers;
}

const zPluginUser = z.looseObject({
  exec: z.looseObject({ command: z.string() }).nullish(),
  authProvider: z.looseObject({ name: z.string() }).nullish(),
});

/** How the current user proves who it is, as far as it matters for renewal. */
function pluginOf(config: KubeConfig | undefined): {
  readonly kind: 'exec' | 'oidc' | 'none';
  readonly command?: string;
} {
  const user = zPluginUser.safeParse(config?.getCurrentUser());
  if (user.data?.exec) return { kind: 'exec', command: user.data.exec.command };
  return { kind: user.data?.authProvider?.name === 'oidc' ? 'oidc' : 'none' };
}

/** The output of a plugin stays out of the message: it may hold a token. */
function authenticationError(command: string | undefined, thrown: unknown): KubeError {
  if (command !== undefined)
    return new KubeError(
      'InvalidConfig',
      `the credential plugin ${JSON.stringify(command)} of the kubeconfig failed; run it by hand to see why`,
      { retryable: true },
    );
  const problem = thrown instanceof Error ? thrown.message : String(thrown);
  return new KubeError('InvalidConfig', `kubeconfig: ${problem}`, {
    cause: thrown,
    retryable: true,
  });
}

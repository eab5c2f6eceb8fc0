import { readFile } from 'node:fs/promises';
import { Agent, type Dispatcher } from 'undici';
import { ClawError, errorMessage } from '../base/error.ts';

export interface ConnectionFiles {
  /** PEM certificates that the server's certificate chains to; absent: plain HTTP or public CAs. */
  readonly caFile?: string | undefined;
  readonly tokenFile: string;
}

/** What one request needs, at one moment. Never log it. */
export interface Connection {
  readonly dispatcher: Dispatcher;
  readonly token: string;
}

const CONNECT_TIMEOUT_MS = 10_000;
const CONNECTIONS = 32;

/**
 * CA and token as they stand in their files now: both are replaced while a process runs (projected
 * tokens by the kubelet, the CA by the server that makes it). Other CA bytes mean new connections; the
 * old ones end when their requests have.
 */
export class ServerConnection implements AsyncDisposable {
  readonly #files: ConnectionFiles;
  #pool: { readonly ca: string | undefined; readonly agent: Agent } | undefined;

  constructor(files: ConnectionFiles) {
    this.#files = files;
  }

  /** Throws a retryable `ServerUnavailable` where a file is not there yet. */
  async current(): Promise<Connection> {
    const { caFile, tokenFile } = this.#files;
    const [token, ca] = await Promise.all([
      readText(tokenFile),
      caFile === undefined ? undefined : readText(caFile),
    ]);
    return { dispatcher: this.#agent(ca), token: token.trim() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool?.agent.destroy();
  }

  #agent(ca: string | undefined): Agent {
    if (this.#pool !== undefined && this.#pool.ca === ca) return this.#pool.agent;
    this.#pool?.agent.close().catch(() => undefined);
    const agent = new Agent({
      connections: CONNECTIONS,
      // The deadline of a call is its signal.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { timeout: CONNECT_TIMEOUT_MS, ...(ca === undefined ? {} : { ca }) },
    });
    this.#pool = { ca, agent };
    return agent;
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    throw new ClawError(
      'ServerUnavailable',
      `${path}: ${errorMessage(thrown)}; expected the server's CA or a token there: is the server running and the volume mounted?`,
      { cause: thrown, retryable: true },
    );
  }
}
